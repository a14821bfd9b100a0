import Sqlite from "better-sqlite3";
import {
  LEDGER_APPLICATION_ID,
  LEDGER_SCHEMA,
  LEDGER_SCHEMA_VERSION,
} from "../../sqlite/ledger-schema.ts";
import type { Client } from "../connection/open-client.ts";
import { damaged } from "../../ledger/ledger-head.ts";
import { SCHEMA } from "./schema.ts";

/** Rows that are fetched at a time. */
const CHUNK = 1000;

/** Columns of the tables that are copied as they are, first the one that orders the rows. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  payload: ["idx", "salt", "data", "erased_at", "erase_reason"],
  content: ["digest", "text"],
  idem: ["key", "request_hash", "first_idx", "last_idx", "answer"],
  once_key: ["key", "first_idx", "last_idx"],
  checkpoint: ["size", "root", "note", "created_at"],
  event: [
    "idx",
    "id",
    "stream",
    "stream_pos",
    "type",
    "v",
    "time",
    "actor",
    "actor_kind",
    "correlation",
    "causation",
    "leaf",
    "leaf_hash",
  ],
};

interface HeadRow {
  readonly origin: string;
  readonly size: number;
  readonly frontier: Buffer;
  readonly time_high: string;
  readonly time_back: number;
}

/**
 * Writes one moment of a ledger into a new SQLite ledger file, byte for byte what is stored, whether
 * it is right or not: who verifies the file verifies the ledger. The file is not synced. Answers the
 * number of events.
 */
export async function exportFile(client: Client, path: string): Promise<{ readonly size: number }> {
  const db = new Sqlite(path);
  try {
    db.pragma("synchronous = OFF");
    db.pragma("foreign_keys = OFF");
    db.exec(LEDGER_SCHEMA);
    db.pragma(`application_id = ${LEDGER_APPLICATION_ID}`);
    db.pragma(`user_version = ${LEDGER_SCHEMA_VERSION}`);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    try {
      const head = await headOf(client);
      db.prepare("INSERT INTO ledger_head VALUES (1, ?, ?, ?, ?, ?)").run(
        head.origin,
        head.size,
        head.frontier,
        head.time_high,
        head.time_back,
      );
      for (const [table, columns] of Object.entries(TABLES))
        await copyTable(client, db, table, columns);
      return { size: head.size };
    } finally {
      await client.query("ROLLBACK");
    }
  } finally {
    db.close();
  }
}

async function headOf(client: Client): Promise<HeadRow> {
  const { rows } = await client.query<HeadRow>(
    `SELECT origin, size, frontier, time_high, time_back FROM ${SCHEMA}.ledger_head`,
  );
  if (rows[0] === undefined) throw damaged("it is gone");
  return rows[0];
}

async function copyTable(
  client: Client,
  db: Sqlite.Database,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const places = columns.map(() => "?").join(", ");
  const insert = db.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
  const insertAll = db.transaction((rows: readonly unknown[][]) => {
    for (const row of rows) insert.run(row);
  });
  const [key] = columns;
  for (let last: unknown; ;) {
    const from = last === undefined ? "" : `WHERE ${key} > $1`;
    const query = {
      text: `SELECT ${columns.join(", ")} FROM ${SCHEMA}.${table} ${from} ORDER BY ${key} LIMIT ${CHUNK}`,
      values: last === undefined ? [] : [last],
      rowMode: "array" as const,
    };
    const { rows } = await client.query<unknown[]>(query);
    insertAll(rows);
    if (rows.length < CHUNK) return;
    last = rows.at(-1)![0];
  }
}
