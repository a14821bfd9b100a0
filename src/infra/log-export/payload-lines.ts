import type { StoredEntry } from "../../domain/ledger/transparency-log.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";

/** What belongs to an entry and is not in the log. */
export interface PayloadLine {
  readonly salt: Uint8Array;
  readonly payload: string;
}

/** One line for each entry, in order: base64 of the salt, a space, the payload; `-` if it is gone. */
export const payloadLines = (entries: readonly StoredEntry[]): string =>
  entries
    .map(({ salt, payload }) =>
      salt === null || payload === null
        ? "-\n"
        : `${Buffer.from(salt.buffer, salt.byteOffset, salt.length).toString("base64")} ${payload}\n`,
    )
    .join("");

/** The lines of a file of payloads. JSON text has no newline. Error: InvalidInput malformed-payloads. */
export function parsePayloadLines(text: string): (PayloadLine | undefined)[] {
  if (text !== "" && !text.endsWith("\n")) throw malformed();
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      if (line === "-") return undefined;
      const space = line.indexOf(" ");
      if (space < 0) throw malformed();
      return { salt: Buffer.from(line.slice(0, space), "base64"), payload: line.slice(space + 1) };
    });
}

const malformed = (): InvalidInput =>
  new InvalidInput("malformed-payloads", "A file of payloads is malformed");
