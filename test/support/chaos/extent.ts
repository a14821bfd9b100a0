/** Whether the long form of the chaos tests was asked for. */
export const LONG = process.env["SCHEMALEDGER_CHAOS"] === "long";

/** `long` in the long form, else `short`. */
export const extent = <T>(short: T, long: T): T => (LONG ? long : short);
