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
  /** By foreign key: what each refers from and to, see `keyName`. */
  readonly byKey: ReadonlyMap<string, KeyViolations>;
  /** The check itself failed: a parent without a matching unique index. */
  readonly mismatch?: string;
}

interface KeyViolations {
  readonly count: number;
  /** Absent where rows cannot be told apart or are too many. */
  readonly rows?: ReadonlySet<string>;
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

/** Not the key's number: adding a column with a key renumbers those that were there. */
const keyName = ({ columns, parent }: ForeignKey): string =>
  `(${columns.map(foldName).join(", ")}) to ${foldName(parent)}`;

function violationsOf(
  db: Connection,
  table: string,
  rootPage: number,
  own: readonly ForeignKey[],
): Violations {
  const names = new Map(own.map((key) => [key.id, keyName(key)]));
  const found = new Map(own.map((key) => [keyName(key), new Collected()]));
  try {
    const rows = db
      .prepare<[string], { row: number | bigint | null; fkid: number }>(
        `SELECT rowid AS row, fkid FROM pragma_foreign_key_check(?, 'main')`,
      )
      .safeIntegers()
      .iterate(table);
    for (const { row, fkid } of rows) found.get(names.get(Number(fkid)) ?? "")?.add(row);
  } catch (error) {
    if (sqliteCode(error) !== "SQLITE_ERROR") throw error;
    return { table, rootPage, byKey: new Map(), mismatch: (error as Error).message };
  }
  return { table, rootPage, byKey: found };
}

class Collected implements KeyViolations {
  count = 0;
  rows?: Set<string> = new Set();

  add(row: number | bigint | null): void {
    this.count += 1;
    if (row === null || this.count > REMEMBERED) delete this.rows;
    else this.rows?.add(String(row));
  }
}

/**
 * Findings for what is violated now and was not before. `renamed` has the present name (folded) of
 * each table by its name before.
 */
export function newViolations(
  before: ViolationBaseline,
  after: ViolationBaseline,
  renamed: ReadonlyMap<string, string>,
): Finding[] {
  const origins = new Map([...renamed].map(([was, now]) => [now, was]));
  return [...after].flatMap(([name, now]): Finding[] => {
    const was = before.get(origins.get(name) ?? name) ?? before.get(name);
    if (now.mismatch !== undefined)
      return was?.mismatch === undefined ? [mismatchFinding(now.table, now.mismatch)] : [];
    return newInTable(was, now);
  });
}

/**
 * A key that is new here may be one that was there under other names (a column or the parent was
 * renamed): it is compared with those that are gone.
 */
function newInTable(was: Violations | undefined, now: Violations): Finding[] {
  const old = was?.byKey ?? new Map<string, KeyViolations>();
  // Rows of a table that was rebuilt can have other row ids: then only the number tells.
  const same = was?.rootPage === now.rootPage;
  const gone = [...old].filter(([key]) => !now.byKey.has(key)).map(([, violations]) => violations);
  return [...now.byKey].flatMap(([key, current]) => {
    const known = old.get(key);
    const added =
      known === undefined
        ? Math.min(current.count, ...gone.map((other) => addedCount(other, current, same)))
        : addedCount(known, current, same);
    return added === 0 ? [] : [violationFinding(now.table, key, added, known === undefined)];
  });
}

function addedCount(was: KeyViolations, now: KeyViolations, same: boolean): number {
  const { rows } = was;
  if (same && rows !== undefined && now.rows !== undefined)
    return [...now.rows].filter((row) => !rows.has(row)).length;
  return Math.max(0, now.count - was.count);
}

const violationFinding = (
  table: string,
  key: string,
  count: number,
  declared: boolean,
): Finding => ({
  severity: "error",
  code: "foreign-key-violations",
  table,
  message: `${count} ${count === 1 ? "row" : "rows"} of ${table} without the row that the foreign key ${key} refers to`,
  hint: declared
    ? "The step declares this foreign key, and rows that are there break it: correct or clear these columns in the step, before or while the rows are copied"
    : "Rows of the parent were deleted or changed: foreign key actions (cascades) are off on purpose while a step runs, so delete or correct the children in the step too",
});

const mismatchFinding = (table: string, message: string): Finding => ({
  severity: "error",
  code: "foreign-key-mismatch",
  table,
  message: `A foreign key of ${table} cannot be checked: ${message}`,
  hint: "The parent's columns need a primary key or a unique index",
});
