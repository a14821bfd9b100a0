/** A name, as SQL reads it whatever it is. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text, as SQL reads it whatever the settings are. */
export const quoteText = (text: string): string =>
  text.includes("\\")
    ? `E'${text.replaceAll(/['\\]/g, (found) => found + found)}'`
    : `'${text.replaceAll("'", "''")}'`;
