/**
 * Arrays in PostgreSQL's binary form: as texts, bytes would be twice as long and written by hand.
 * One dimension; the header has the number of dimensions, whether there are NULLs, the type of the
 * elements, their number and where counting begins.
 */
const HEADER = 20;
const TEXT = 25;
const BYTEA = 17;
const INT8 = 20;

export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = HEADER;
  // At most three bytes are written for each UTF-16 code unit.
  for (const value of values) bytes += 4 + (value === null ? 0 : 3 * value.length);
  const array = Buffer.allocUnsafe(bytes);
  let at = header(array, values.length, TEXT, values.includes(null));
  for (const value of values) {
    const length = value === null ? -1 : array.write(value, at + 4, "utf8");
    array.writeInt32BE(length, at);
    at += 4 + Math.max(length, 0);
  }
  return array.subarray(0, at);
}

export const bytesArray = (values: readonly (Uint8Array | null)[]): Buffer => pieces(values, BYTEA);

/** Of texts whose UTF-8 bytes are at hand. */
export const encodedTextArray = (values: readonly Uint8Array[]): Buffer => pieces(values, TEXT);

export function integerArray(values: readonly (number | null)[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER + 12 * values.length);
  let at = header(array, values.length, INT8, values.includes(null));
  for (const value of values) {
    array.writeInt32BE(value === null ? -1 : 8, at);
    at += 4;
    if (value === null) continue;
    array.writeBigInt64BE(BigInt(value), at);
    at += 8;
  }
  return array.subarray(0, at);
}

function pieces(values: readonly (Uint8Array | null)[], type: number): Buffer {
  let bytes = HEADER;
  for (const value of values) bytes += 4 + (value === null ? 0 : value.length);
  const array = Buffer.allocUnsafe(bytes);
  let at = header(array, values.length, type, values.includes(null));
  for (const value of values) {
    array.writeInt32BE(value === null ? -1 : value.length, at);
    at += 4;
    if (value === null) continue;
    array.set(value, at);
    at += value.length;
  }
  return array;
}

function header(array: Buffer, count: number, type: number, nulls: boolean): number {
  array.writeInt32BE(1, 0);
  array.writeInt32BE(nulls ? 1 : 0, 4);
  array.writeInt32BE(type, 8);
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16);
  return HEADER;
}
