import type { Finding } from "../migration/events.ts";
import type { AdoptedState, Claimed } from "./events.ts";
import type { FoundHistory, Row, TableShape, ToolName } from "./history-table.ts";

/** How one tool keeps its history. One file in `tools/` each. */
export interface HistoryTool {
  readonly name: ToolName;
  /** For people. */
  readonly title: string;
  /** Names of its table unless configured, folded. */
  readonly usualNames: readonly string[];
  /** True: its columns prove whose a table is, whatever its name. */
  readonly byColumns: boolean;
  /** Whether columns (folded) are those of its table. `others`: folded names of all tables. */
  fits(columns: ReadonlySet<string>, others: ReadonlyMap<string, TableShape>): boolean;
  /** Columns that hold a value in every row, unless somebody damaged it. */
  readonly needed: readonly string[];
  /** Folded names of its other tables that must be read, where they are there. */
  readonly companions?: (table: string) => readonly string[];
  /** A file beside a SQLite database in which the tool keeps it. */
  readonly beside?: string;
  read(history: FoundHistory): Reading;
}

/** What a history says, without files and without the ledger. */
export interface Reading {
  readonly toolVersion?: string;
  readonly rows: readonly ReadRow[];
  /** Severity `error` keeps it from being adopted until somebody confirms. */
  readonly findings: readonly Finding[];
}

export interface ReadRow {
  readonly row: Row;
  /** The tool's own version or what serves as one; undefined: it has none. */
  readonly version: string | undefined;
  readonly name: string;
  readonly state: AdoptedState;
  /** False: a later row of the same version says what is in force. */
  readonly decides: boolean;
  readonly claimed: Claimed;
  /** `algorithm` as the formats of migration files call it; `unknown`: it cannot be computed. */
  readonly checksum?: { readonly algorithm: string; readonly value: string };
  readonly note?: string;
  /** How to recognise its file. */
  readonly file: FileMatch;
  /** Versions below are in force, too, though they have no row. */
  readonly implies?: boolean;
}

export interface FileMatch {
  /** What the format says the tool calls it. */
  readonly toolId?: string;
  /** The path, name or folder of the file, with or without its ending. */
  readonly name?: string;
  /** Equal as numbers: `0001` is 1. */
  readonly number?: string;
  readonly version?: string;
  /** The file's checksum alone identifies it. */
  readonly checksum?: true;
}

/** Marks for each version the last of its rows as the one that decides. */
export function lastDecides(rows: readonly Omit<ReadRow, "decides">[]): ReadRow[] {
  const last = new Map(rows.map((row, at) => [row.version ?? `:${row.name}`, at]));
  return rows.map((row, at) => ({
    ...row,
    decides: last.get(row.version ?? `:${row.name}`) === at,
  }));
}

const exactly = (columns: ReadonlySet<string>, names: readonly string[]): boolean =>
  columns.size === names.length && names.every((name) => columns.has(name));

/** These columns and no other. */
export const only =
  (...names: readonly string[]) =>
  (columns: ReadonlySet<string>): boolean =>
    exactly(columns, names);

/** At least these columns: newer editions of a tool add some. */
export const atLeast =
  (...names: readonly string[]) =>
  (columns: ReadonlySet<string>): boolean =>
    names.every((name) => columns.has(name));
