import { destination, pino, stdTimeFunctions } from "pino";
import type { Log, LogLevel } from "./logger.ts";
import { withoutSecrets } from "./redact.ts";
import { traceIds } from "./tracing.ts";

const STDERR = 2;

/**
 * The service's log: one JSON object a line on stderr, for the tools of operators. On a terminal, a
 * line for people. What looks like a secret is never written.
 */
export function pinoLog(level: LogLevel): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // At once: what is said last, before a crash, says most.
    destination({ dest: STDERR, sync: true }),
  );
  return ({ level: of, message, ...members }) => {
    if (!logger.isLevelEnabled(of)) return;
    logger[of](withoutSecrets({ ...members, ...traceIds() }), withoutSecrets(message));
  };
}
