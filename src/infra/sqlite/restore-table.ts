import type { TableRestored } from "../../domain/backup/events.ts";
import type { TableRestoreRequest } from "../../domain/engine/database-engine.ts";
import type { Finding } from "../../domain/migration/events.ts";
import type { Catalog, CatalogEntry } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { quoteName } from "./quote.ts";
import { copyAll, mergeRows, type Rows } from "./restore-rows.ts";
import { foldName } from "./sql/tokens.ts";
import { sqliteCode } from "./sqlite-error.ts";
import { hasSequences, sourceTable, type TableSource } from "./table-source.ts";

/** What restoring one table needs to know. */
export interface TableTask {
  readonly db: Connection;
  readonly source: TableSource;
  /** Name under which the source is attached. */
  readonly schema: string;
  /** The database's schema before the restore. */
  readonly catalog: Catalog;
  readonly request: TableRestoreRequest;
}

interface Result {
  /** Absent if an error speaks against it. */
  readonly table?: TableRestored;
  readonly findings: readonly Finding[];
}

/**
 * Brings one table back inside the transaction of the caller, which rolls back if there is an error
 * among the findings of any table.
 */
export function restoreTable(task: TableTask, name: string): Result {
  const from = sourceTable(task.source, name);
  if (from === undefined)
    return refused("table-not-found", name, `The backup has no table ${name}`, NAMES);
  if (from.kind !== "table")
    return refused(
      "table-not-restorable",
      name,
      `${name} is a virtual table: its content belongs to its module`,
      "Restore the whole database to a new file and rebuild the table from there",
    );
  const live = task.catalog.tables.get(foldName(name));
  try {
    return live === undefined ? create(task, from) : fill(task, from, live);
  } catch (error) {
    return refusedByEngine(error, name);
  }
}

const NAMES = "The backup's `rows` lists its tables";

/** A table that is gone is made again as it was, with its indexes and triggers. */
function create(task: TableTask, from: CatalogEntry): Result {
  const { db, source } = task;
  const { name } = from;
  if (task.catalog.entries.some((entry) => foldName(entry.name) === foldName(name)))
    return refused("name-taken", name, `Something else is called ${name} now`, RENAME);
  db.exec(from.sql);
  const inserted = copyAll(task, from);
  for (const sql of source.definitions.get(foldName(name)) ?? []) db.exec(sql);
  liftSequence(task, from);
  const created: Finding = {
    severity: "warning",
    code: "table-created",
    table: name,
    message: `${name} was not there any more: it was made again with its indexes and triggers`,
    hint: "The migration that dropped it stays applied; a plan made from now on starts from this schema",
  };
  return { table: { ...NOTHING, table: name, created: true, inserted }, findings: [created] };
}

const RENAME = "Restore the backup to a new file and take the rows from there";

const NOTHING: Omit<TableRestored, "table"> = {
  created: false,
  inserted: 0,
  overwritten: 0,
  deleted: 0,
  differing: 0,
  addedSince: 0,
  defaulted: [],
  triggersSkipped: [],
};

function fill(task: TableTask, from: CatalogEntry, live: CatalogEntry): Result {
  const shape = shapeFindings(from, live);
  if (live.kind !== "table" || shape.length > 0)
    return { findings: shape.length > 0 ? shape : [notATable(live.name)] };
  const triggers = triggersOf(task.catalog, live);
  if (triggers.length > 0 && task.request.triggers === undefined)
    return undecided(live.name, triggers);
  const skipped = task.request.triggers === "skip" ? triggers : [];
  for (const { name } of skipped) task.db.exec(`DROP TRIGGER main.${quoteName(name)}`);
  const { rows, findings } = mergeRows(task, from, live);
  for (const { sql } of skipped) task.db.exec(sql);
  liftSequence(task, from);
  return { ...done(live, rows, defaulted(from, live), skipped), findings };
}

function done(
  live: CatalogEntry,
  rows: Rows,
  columns: readonly string[],
  skipped: readonly CatalogEntry[],
): { readonly table: TableRestored } {
  const triggersSkipped = skipped.map(({ name }) => name);
  return {
    table: { ...NOTHING, table: live.name, ...rows, defaulted: columns, triggersSkipped },
  };
}

/** In the order in which they were made: it is the order in which they fire. */
const triggersOf = ({ entries }: Catalog, live: CatalogEntry): CatalogEntry[] =>
  entries.filter(
    ({ type, table }) => type === "trigger" && foldName(table) === foldName(live.name),
  );

function undecided(table: string, triggers: readonly CatalogEntry[]): Result {
  const names = triggers.map(({ name }) => name).join(", ");
  return refused(
    "triggers-undecided",
    table,
    `${table} has triggers (${names}), and the request does not say what they do`,
    "Send `triggers`: skip leaves what they keep elsewhere (totals, search indexes) as it is, fire runs them for every row that is written",
  );
}

/** Columns that rows of the backup would lose, or could not be given a value for. */
function shapeFindings(from: CatalogEntry, live: CatalogEntry): Finding[] {
  const there = new Map((live.columns ?? []).map((column) => [foldName(column.name), column]));
  const had = new Set((from.columns ?? []).map((column) => foldName(column.name)));
  const gone = (from.columns ?? []).filter(
    (column) => column.generated === undefined && there.get(foldName(column.name)) === undefined,
  );
  const unfillable = (live.columns ?? []).filter(
    (column) =>
      !had.has(foldName(column.name)) &&
      column.generated === undefined &&
      column.notNull &&
      column.default === null,
  );
  return [
    ...gone.map(({ name }) => changed(live.name, `the column ${name} is gone since the backup`)),
    ...unfillable.map(({ name }) =>
      changed(live.name, `the column ${name} is new and must have a value`),
    ),
  ];
}

const changed = (table: string, what: string): Finding => ({
  severity: "error",
  code: "table-changed",
  table,
  message: `Rows of ${table} cannot be brought back as they were: ${what}`,
  hint: "Restore the backup to a new file (`target`) and carry the rows over by a migration",
});

const notATable = (table: string): Finding => ({
  severity: "error",
  code: "table-not-restorable",
  table,
  message: `${table} is not an ordinary table now`,
  hint: RENAME,
});

const defaulted = (from: CatalogEntry, live: CatalogEntry): string[] => {
  const had = new Set((from.columns ?? []).map(({ name }) => foldName(name)));
  return (live.columns ?? [])
    .filter(({ name, generated }) => generated === undefined && !had.has(foldName(name)))
    .map(({ name }) => name);
};

/** Ids given out before the backup, or since, are not given out again. */
function liftSequence({ db, source }: TableTask, { name }: CatalogEntry): void {
  const seq = source.sequences.get(foldName(name));
  if (seq === undefined || !hasSequences(db)) return;
  const { changes } = db
    .prepare("UPDATE main.sqlite_sequence SET seq = max(seq, ?) WHERE name = ? COLLATE NOCASE")
    .run(seq, name);
  if (changes === 0) db.prepare("INSERT INTO main.sqlite_sequence VALUES (?, ?)").run(name, seq);
}

const refused = (code: string, table: string, message: string, hint: string): Result => ({
  findings: [{ severity: "error", code, table, message, hint }],
});

/** What the engine itself refuses: constraints that were added since, or that rows of today meet. */
function refusedByEngine(error: unknown, table: string): Result {
  const code = sqliteCode(error);
  if (code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY")
    return refused(
      "unique-conflict",
      table,
      `A row that was added to ${table} since the backup has a unique value of a row to bring back`,
      "Change or remove that row first, or restore with onConflict replace",
    );
  if (code.startsWith("SQLITE_CONSTRAINT"))
    return refused(
      "constraint-failed",
      table,
      `A row of the backup breaks a rule that ${table} has now (${code})`,
      "Restore the backup to a new file and carry the rows over by a migration",
    );
  throw error;
}
