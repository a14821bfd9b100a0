import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import type { Direction } from "../../domain/migration/events.ts";
import { journalMode, pragmaNumber, type Connection } from "./connection.ts";
import { foldName } from "./sql/tokens.ts";
import { parsePragma } from "./sql/pragma.ts";

/** How to tell, later and without the script, whether a non-transactional step was done. */
export interface Probe {
  readonly direction: Direction;
  /** `vacuum`, or the setting that the step changes. */
  readonly what: string;
  readonly value: string;
}

const AUTO_VACUUM: { readonly [word: string]: string } = { none: "0", full: "1", incremental: "2" };

/** The probe of a script that `prepareScript` has admitted outside a transaction. */
export function probeOf(script: ScriptAnalysis, direction: Direction): Probe {
  const pragma = parsePragma(script.statements[0]?.sql ?? "");
  if (pragma?.value === undefined || pragma.value === null)
    return { direction, what: "vacuum", value: "" };
  const value = foldName(pragma.value);
  return { direction, what: pragma.name, value: AUTO_VACUUM[value] ?? value };
}

/** The probe as the `started` marker keeps it. */
export const probeNote = ({ direction, what, value }: Probe): string =>
  `probe:${direction}:${what}:${value}`;

/** Reads a note back; undefined if it is not one. */
export function parseProbe(note: string | undefined): Probe | undefined {
  const [, direction, what, value] = /^probe:(up|down):(\w+):(\w*)$/.exec(note ?? "") ?? [];
  if ((direction !== "up" && direction !== "down") || what === undefined) return undefined;
  return { direction, what, value: value ?? "" };
}

/** Looks whether the step was done. VACUUM leaves no free page, and repeating it is harmless. */
export function probe(db: Connection, { what, value }: Probe): "applied" | "absent" | "unknown" {
  switch (what) {
    case "vacuum":
      return pragmaNumber(db, "freelist_count") === 0 ? "applied" : "absent";
    case "journal_mode":
      return journalMode(db) === value ? "applied" : "absent";
    case "auto_vacuum":
    case "page_size":
      return String(pragmaNumber(db, what)) === value ? "applied" : "absent";
    default:
      return "unknown";
  }
}
