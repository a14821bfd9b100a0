/*
 * better-sqlite3 makes a Buffer with memory of its own of each blob: 1.5 to 3.5 µs, where a text takes
 * 0.3 to 1 (measured on rows of a ledger). Where many are read, they are asked for as texts.
 */

/** SQL for a blob that holds UTF-8: null if it is no blob. */
export const utf8Of = (column: string): string =>
  `CASE typeof(${column}) WHEN 'blob' THEN CAST(${column} AS TEXT) END`;

/** SQL for a blob of any bytes, in upper-case hex: null if it is no blob. */
export const hexOf = (column: string): string =>
  `CASE typeof(${column}) WHEN 'blob' THEN hex(${column}) END`;

/**
 * Whether a text says exactly which bytes it was read from: what is not UTF-8 reads as this character,
 * which may also have been there.
 */
export const isExact = (text: string): boolean => !text.includes("\uFFFD");

/** The bytes of `hexOf`. */
export const bytesOfHex = (hex: string): Buffer => Buffer.from(hex, "hex");
