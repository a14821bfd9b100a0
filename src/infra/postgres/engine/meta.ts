import type { DatabaseTarget, Meta } from "../../../domain/engine/database-engine.ts";
import { Conflict, Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import type { Rows } from "./batch.ts";
import type { OwnTables } from "./session.ts";

/** Layout version of the two tables. */
const FORMAT = 1;

const ddl = ({ schema, meta, marker }: OwnTables): string => `
CREATE SCHEMA IF NOT EXISTS "${schema}";
CREATE TABLE ${meta} (
  one           boolean PRIMARY KEY DEFAULT true CHECK (one),
  format        bigint  NOT NULL,
  ledger_origin text    NOT NULL,
  database_id   uuid    NOT NULL,
  incarnation   uuid    NOT NULL,
  fence         bigint  NOT NULL
);
CREATE TABLE ${marker} (
  attempt          uuid   NOT NULL,
  phase            text   NOT NULL CHECK (phase IN ('started', 'done', 'reverted')),
  step             text   NOT NULL,
  plan_digest      text   NOT NULL,
  checksum         text   NOT NULL,
  intent_idx       bigint NOT NULL,
  intent_leaf_hash bytea  NOT NULL CHECK (octet_length(intent_leaf_hash) = 32),
  checkpoint       text,
  schema_fp_after  text,
  at               timestamptz NOT NULL,
  PRIMARY KEY (attempt, phase)
)`;

/** Creates both tables and says whose database this is. Inside a transaction. */
export async function createOwnTables(
  client: Client,
  own: OwnTables,
  target: DatabaseTarget,
  fence: number,
): Promise<void> {
  await client.query(ddl(own));
  await client.query(
    `INSERT INTO ${own.meta} (format, ledger_origin, database_id, incarnation, fence)
     VALUES ($1, $2, $3, $4, $5)`,
    [FORMAT, target.origin, target.databaseId, target.incarnation, fence],
  );
}

interface Row {
  readonly format: string;
  readonly origin: string;
  readonly databaseId: string;
  readonly incarnation: string;
  readonly fence: string;
}

const COLUMNS = `format, ledger_origin AS origin, database_id AS "databaseId", incarnation, fence`;

/** What the database says of itself; undefined if it was never registered. */
export async function readMeta(client: Client, own: OwnTables): Promise<Meta | undefined> {
  const { rows } = await client.query<{ readonly meta: boolean; readonly marker: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AS meta, to_regclass($2) IS NOT NULL AS marker",
    [own.meta, own.marker],
  );
  const { meta, marker } = rows[0]!;
  if (!meta && !marker) return undefined;
  if (!meta || !marker)
    throw new Conflict("markers-damaged", "Only one of the two schemaledger tables is there", {
      hint: "Restore a verified backup: the database's own record of its steps is gone",
    });
  return metaOf((await client.query<Row>(`SELECT ${COLUMNS} FROM ${own.meta}`)).rows[0]);
}

function metaOf(row: Row | undefined): Meta {
  if (row === undefined)
    throw new Conflict("markers-damaged", "The table schemaledger_meta is empty", {
      hint: "Restore a verified backup: nobody can say whose database this is",
    });
  const format = Number(row.format);
  if (format !== FORMAT)
    throw new Unavailable(
      "unknown-format",
      `The database was written by another version (format ${format}, known is ${FORMAT})`,
      { hint: "Use the version of the service that registered it" },
    );
  return { ...row, format, fence: Number(row.fence) };
}

/** As `readMeta`; throws `not-registered`. */
export async function requireMeta(client: Client, own: OwnTables): Promise<Meta> {
  const meta = await readMeta(client, own);
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

/** Statements that claim the right to write, and hold the row until the transaction ends. */
export const raiseFence = (own: OwnTables, token: number): readonly string[] => [
  `SELECT ${COLUMNS} FROM ${own.meta} FOR UPDATE`,
  `UPDATE ${own.meta} SET fence = greatest(fence, ${token})`,
];

/** As many, which claim nothing. */
export const onlyRead = (own: OwnTables): readonly string[] => [
  `SELECT ${COLUMNS} FROM ${own.meta}`,
  "SELECT 1",
];

/** What the first of them found. Throws `fenced` if a newer token was seen: the rest must be rolled back. */
export function fenced(rows: Rows, token: number | null): Meta {
  const before = metaOf(rows[0] as unknown as Row | undefined);
  if (token === null || before.fence <= token) return before;
  throw new Conflict("fenced", `A newer holder than ${token} has written to the database`, {
    hint: "Another instance took over; its outcome is in the ledger",
  });
}

/** Raises the fence and never lowers it. */
export async function liftFence(client: Client, own: OwnTables, token: number): Promise<void> {
  await client.query(`UPDATE ${own.meta} SET fence = greatest(fence, $1)`, [token]);
}
