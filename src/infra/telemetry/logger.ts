/** What is written at all: records of this level and of those behind it. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line of the service's own diary: for operators, never for evidence. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  /** Plain values only. Never tokens, never request bodies. */
  readonly [member: string]: unknown;
}

export type Log = (record: LogRecord) => void;

/** What of an error may be logged: its name, message and stack. */
export function describeError(error: unknown): { readonly [member: string]: unknown } {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: error.name, cause: error.message, stack: error.stack };
}
