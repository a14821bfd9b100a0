/** One line of the service's own diary: for operators, never for evidence. */
export interface LogRecord {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  /** Plain values only. Never tokens, never request bodies. */
  readonly [member: string]: unknown;
}

export type Log = (record: LogRecord) => void;

/** Writes each record as one JSON line to stderr. */
export const logToStderr: Log = (record) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
};

/** What of an error may be logged: its name, message and stack. */
export function describeError(error: unknown): { readonly [member: string]: unknown } {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: error.name, cause: error.message, stack: error.stack };
}
