import { DomainError } from "../domain/shared/errors.ts";
import { describeError, type Log } from "../infra/telemetry/logger.ts";

/**
 * Tells the log of work that nobody waits for. What a stop leaves in the queue has not failed: the
 * next start takes it up, or records that it was not carried out.
 */
export const reportWork =
  (log: Log) =>
  (error: unknown): void => {
    if (error instanceof DomainError && error.code === "service-stopping")
      return log({ level: "info", message: "Work on a database is left to the next start" });
    const message = "Work on a database failed and could not be recorded";
    log({ level: "error", message, ...describeError(error) });
  };
