import { LOG_LEVELS, type Log, type LogLevel } from "./logger.ts";
import { withoutSecrets } from "./redact.ts";

/** The log on stderr: for people on a terminal, else for programs. */
export async function openLog(level: LogLevel = "info"): Promise<Log> {
  if (process.stderr.isTTY) return terminalLog(level, (text) => process.stderr.write(text));
  const { pinoLog } = await import("./pino-log.ts");
  return pinoLog(level);
}

/** A line a record: time, level, message, and what else it says. */
export const terminalLog =
  (level: LogLevel, write: (text: string) => void): Log =>
  ({ level: of, message, stack, ...members }) => {
    if (LOG_LEVELS.indexOf(of) < LOG_LEVELS.indexOf(level)) return;
    const said = Object.entries(withoutSecrets(members))
      .filter(([, value]) => value !== undefined)
      .map(
        ([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
    const time = new Date().toISOString().slice(11, 23);
    const below = typeof stack === "string" ? `${withoutSecrets(stack)}\n` : "";
    const line = `${time} ${of.padEnd(5)} ${withoutSecrets(message)}${said.join("")}`;
    // Whatever a text brings along, it cannot steer the terminal.
    write(`${plain(line)}\n${plain(below)}`);
  };

const plain = (text: string): string => text.replaceAll(/(?!\n)\p{Cc}/gu, "?");
