import { Conflict, Unavailable } from "../../domain/shared/errors.ts";
import type { DatabaseTarget, Meta } from "../../domain/engine/database-engine.ts";
import { prepared, type Connection } from "./connection.ts";
import type { SchemaRows } from "./schema-rows.ts";
import { foldName } from "./sql/tokens.ts";

/** Layout version of the two tables. */
const FORMAT = 1;

const META_DDL = `CREATE TABLE schemaledger_meta (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  format        INTEGER NOT NULL,
  ledger_origin TEXT    NOT NULL,
  database_id   TEXT    NOT NULL,
  incarnation   TEXT    NOT NULL,
  fence         INTEGER NOT NULL
) STRICT`;

const MARKER_DDL = `CREATE TABLE schemaledger_marker (
  attempt          TEXT    NOT NULL,
  phase            TEXT    NOT NULL CHECK (phase IN ('started', 'done', 'reverted')),
  step             TEXT    NOT NULL,
  plan_digest      TEXT    NOT NULL,
  checksum         TEXT    NOT NULL,
  intent_idx       INTEGER NOT NULL,
  intent_leaf_hash BLOB    NOT NULL CHECK (length(intent_leaf_hash) = 32),
  checkpoint       TEXT,
  schema_fp_after  TEXT,
  at               TEXT    NOT NULL,
  PRIMARY KEY (attempt, phase)
) STRICT`;

/** The product's own tables: no part of the managed schema. */
export const isOwnTable = (name: string): boolean =>
  /^schemaledger_/i.test(name) && OWN_TABLES.has(foldName(name));

const OWN_TABLES: ReadonlySet<string> = new Set(["schemaledger_meta", "schemaledger_marker"]);

/** Creates both tables and says whose database this is. */
export function createOwnTables(db: Connection, target: DatabaseTarget, fence: number): void {
  db.exec(`${META_DDL}; ${MARKER_DDL}`);
  db.prepare("INSERT INTO main.schemaledger_meta VALUES (1, ?, ?, ?, ?, ?)").run(
    FORMAT,
    target.origin,
    target.databaseId,
    target.incarnation,
    fence,
  );
}

interface Row {
  readonly format: number;
  readonly origin: string;
  readonly databaseId: string;
  readonly incarnation: string;
  readonly fence: number;
}

/** What the database says of itself; undefined if it was never registered. */
export function readMeta(db: Connection): Meta | undefined {
  const tables = ownTables(db);
  if (tables.length === 0) return undefined;
  if (tables.some(({ type, name }) => type !== "table" || !hasOurColumns(db, name)))
    throw reservedName();
  if (tables.length !== 2)
    throw new Conflict("markers-damaged", "Only one of the two schemaledger tables is there", {
      hint: "Restore a verified backup: the database's own record of its steps is gone",
    });
  const meta = prepared<[], Row>(
    db,
    `SELECT format, ledger_origin AS origin, database_id AS databaseId, incarnation, fence
       FROM main.schemaledger_meta WHERE one = 1`,
  ).get();
  if (meta === undefined)
    throw new Conflict("markers-damaged", "The table schemaledger_meta is empty", {
      hint: "Restore a verified backup: nobody can say whose database this is",
    });
  if (meta.format !== FORMAT)
    throw new Unavailable(
      "unknown-format",
      `The database was written by another version (format ${meta.format}, known is ${FORMAT})`,
      { hint: "Use the version of the service that registered it" },
    );
  return meta;
}

interface OwnTable {
  readonly type: string;
  readonly name: string;
}

const ownTables = (db: Connection): OwnTable[] =>
  prepared<[], OwnTable>(
    db,
    `SELECT type, name FROM main.sqlite_schema
       WHERE name COLLATE NOCASE IN ('schemaledger_meta', 'schemaledger_marker')`,
  ).all();

/** An application's own table of that name is not ours to read. */
const hasOurColumns = (db: Connection, table: string): boolean =>
  prepared<[string], { readonly ours: number }>(
    db,
    `SELECT count(*) AS ours FROM pragma_table_info(?, 'main')
       WHERE name IN ('format', 'ledger_origin', 'database_id', 'incarnation', 'fence',
                      'attempt', 'phase', 'step', 'checksum', 'intent_idx')`,
  ).get(table)!.ours === 5;

const reservedName = (): Conflict =>
  new Conflict(
    "reserved-name",
    "Something of the application's is called schemaledger_meta or schemaledger_marker",
    { hint: "Give it another name: the service keeps its own record of the steps in these tables" },
  );

/** As `readMeta`; throws `not-registered`. */
export function requireMeta(db: Connection): Meta {
  const meta = readMeta(db);
  if (meta !== undefined) return meta;
  throw new Conflict("not-registered", "The database has no schemaledger tables", {
    hint: "It was replaced by a database that was never registered; restore a backup or register it",
  });
}

/** Throws `clone-or-foreign` unless the database is the one that the ledger means. */
export function requireSameDatabase(meta: Meta, target: DatabaseTarget): void {
  if (meta.databaseId === target.databaseId && meta.origin === target.origin) return;
  throw new Conflict(
    "clone-or-foreign",
    `This is database ${meta.databaseId} of ledger ${meta.origin}, not ${target.databaseId} of ${target.origin}`,
    { hint: "It is a copy of another managed database: register it as one of its own" },
  );
}

/** Throws `clone-or-foreign`, or `wrong-incarnation` if it was restored since. */
export function requireIdentity(meta: Meta, target: DatabaseTarget): void {
  requireSameDatabase(meta, target);
  if (meta.incarnation === target.incarnation) return;
  throw new Conflict(
    "wrong-incarnation",
    `The database is incarnation ${meta.incarnation}, the ledger knows ${target.incarnation}`,
    { hint: "It was restored meanwhile: recover it, so that the ledger reads its markers" },
  );
}

/** Claims the right to write. Throws `fenced` if a newer token was seen. Inside a transaction. */
export function raiseFence(db: Connection, token: number): void {
  const { changes } = prepared(
    db,
    "UPDATE main.schemaledger_meta SET fence = :token WHERE fence <= :token",
  ).run({ token });
  if (changes === 1) return;
  throw new Conflict("fenced", `A newer holder than ${token} has written to the database`, {
    hint: "Another instance took over; its outcome is in the ledger",
  });
}

/** Raises the fence and never lowers it. Inside a transaction. */
export const liftFence = (db: Connection, token: number): void => {
  db.prepare("UPDATE main.schemaledger_meta SET fence = max(fence, ?)").run(token);
};

/** The definitions and triggers of the own tables as one value: a step must leave it alone. */
export const ownObjects = ({ rows }: SchemaRows): string =>
  JSON.stringify(rows.filter(({ table }) => isOwnTable(table)));
