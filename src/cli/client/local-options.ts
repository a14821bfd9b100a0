import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";
import type { EmbeddedOptions } from "../../api/embedded.ts";
import { TOOL_VERSION } from "../../api/version.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { plain } from "../output.ts";
import { DEFAULT_DATA, type SharedOptions } from "../shared-options.ts";

/** The data directory that the options mean. Error: InvalidInput config-invalid. */
export function dataDirectory({ data = DEFAULT_DATA }: SharedOptions): string {
  if (data !== "") return resolve(data);
  throw new InvalidInput("config-invalid", "--data: the path is empty", {
    hint: "Name a directory",
  });
}

/** Who works on the directory: the system's user, or whom SCHEMALEDGER_ACTOR names. */
export function localOptions(options: SharedOptions, signal?: AbortSignal): EmbeddedOptions {
  return {
    actor: { name: process.env["SCHEMALEDGER_ACTOR"] || systemUser(), kind: "user" },
    program: `schemaledger/${TOOL_VERSION}`,
    inProcess: true,
    log: ({ level, message, cause, error }) => {
      if (level !== "error") return;
      process.stderr.write(`schemaledger: ${message}: ${plain(String(cause ?? error))}\n`);
    },
    waiting: {
      timeoutMs: waitOf(options) * 1000,
      ...(signal === undefined ? {} : { signal }),
      onWait: ({ message }) => {
        if (options.json !== true) process.stderr.write(`Waiting: ${plain(message)}\n`);
      },
    },
  };
}

function waitOf({ wait = "300" }: SharedOptions): number {
  if (/^\d{1,6}$/.test(wait)) return Number(wait);
  throw new InvalidInput("config-invalid", "--wait: it is not a number of seconds", {
    hint: "Use 0 to fail at once while another process works on the directory",
  });
}

function systemUser(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user without a name.
    return `uid-${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}
