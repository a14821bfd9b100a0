import type { Finding } from "../../domain/migration/events.ts";
import type { Catalog } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { foldName } from "./sql/tokens.ts";
import { childrenAround, type ForeignKey } from "./reach.ts";
import { sqliteCode } from "./sqlite-error.ts";

/** Above this many violations a table's are only counted, not remembered one by one. */
const REMEMBERED = 20_000;

/** Violations of one child table. */
export interface Violations {
  readonly table: string;
  readonly rootPage: number;
  readonly count: number;
  /** One key a violation; absent where rows cannot be told apart or are too many. */
  readonly keys?: ReadonlySet<string>;
  /** The check itself failed: a parent without a matching unique index. */
  readonly mismatch?: string;
}

/** Violations by child table (folded) at one moment. */
export type ViolationBaseline = ReadonlyMap<string, Violations>;

/** What is needed of a state to check it; what was checked is remembered there. */
interface Checked {
  readonly catalog: Catalog;
  readonly foreignKeys: readonly ForeignKey[];
  readonly violations: Map<string, Violations>;
}

/** Checks each child table around `reached` on its own: a mismatch would hide all the others. */
export function readViolations(
  db: Connection,
  { catalog, foreignKeys, violations }: Checked,
  reached: ReadonlySet<string>,
): ViolationBaseline {
  const found = new Map<string, Violations>();
  for (const child of childrenAround(foreignKeys, reached)) {
    const table = catalog.tables.get(child);
    if (table === undefined) continue;
    const own = foreignKeys.filter((key) => foldName(key.child) === child);
    const known = violations.get(child) ?? violationsOf(db, table.name, table.rootPage, own);
    violations.set(child, known);
    found.set(child, known);
  }
  return found;
}

function violationsOf(
  db: Connection,
  table: string,
  rootPage: number,
  own: readonly ForeignKey[],
): Violations {
  const columns = new Map(own.map((key) => [key.id, key.columns.join(",")]));
  const keys = new Set<string>();
  let count = 0;
  let single = true;
  try {
    const rows = db
      .prepare<[string], { row: number | bigint | null; parent: string; fkid: number }>(
        `SELECT rowid AS row, parent, fkid FROM pragma_foreign_key_check(?, 'main')`,
      )
      .safeIntegers()
      .iterate(table);
    for (const { row, parent, fkid } of rows) {
      count += 1;
      // Not the key's number: adding a column with a key renumbers those that were there.
      if (row === null || count > REMEMBERED) single = false;
      else keys.add(`${row} ${foldName(parent)} ${columns.get(Number(fkid)) ?? ""}`);
    }
  } catch (error) {
    if (sqliteCode(error) !== "SQLITE_ERROR") throw error;
    return { table, rootPage, count: 0, mismatch: (error as Error).message };
  }
  return { table, rootPage, count, ...(single ? { keys } : {}) };
}

/** Findings for what is violated now and was not before. */
export function newViolations(before: ViolationBaseline, after: ViolationBaseline): Finding[] {
  return [...after].flatMap(([name, now]) => {
    const was = before.get(name);
    if (now.mismatch !== undefined)
      return was?.mismatch === undefined ? [mismatchFinding(now.table, now.mismatch)] : [];
    const added = addedCount(was, now);
    return added === 0 ? [] : [violationFinding(now.table, added)];
  });
}

function addedCount(was: Violations | undefined, now: Violations): number {
  // Rows of a table that was rebuilt can have other row ids: then only the number tells.
  const comparable = was !== undefined && was.rootPage === now.rootPage;
  if (comparable && was.keys !== undefined && now.keys !== undefined) {
    const old = was.keys;
    return [...now.keys].filter((key) => !old.has(key)).length;
  }
  return Math.max(0, now.count - (was?.count ?? 0));
}

const violationFinding = (table: string, count: number): Finding => ({
  severity: "error",
  code: "foreign-key-violations",
  table,
  message: `${count} ${count === 1 ? "row" : "rows"} of ${table} refer to a row that does not exist`,
  hint: "Rows of the parent were deleted or changed: foreign key actions (cascades) are off on purpose while a step runs, so delete or correct the children in the step too",
});

const mismatchFinding = (table: string, message: string): Finding => ({
  severity: "error",
  code: "foreign-key-mismatch",
  table,
  message: `A foreign key of ${table} cannot be checked: ${message}`,
  hint: "The parent's columns need a primary key or a unique index",
});
