import Sqlite from "better-sqlite3";
import { push } from "../../src/domain/ledger/merkle.ts";
import type { Hash } from "../../src/domain/shared/digest.ts";
import { digest } from "../support/digest.ts";

/**
 * Makes a large ledger of a small one: its events again and again, at later indexes, places and
 * times, under ids of their own. The leaves keep their bytes, so the tree is right and its events
 * are not: such a ledger is for measuring queries and proofs, never for verifying or folding.
 */
export function multiplyLedger(file: string, searchFile: string, total: number): void {
  const db = new Sqlite(file);
  const size = sizeOf(db);
  db.pragma("synchronous = OFF");
  db.pragma("foreign_keys = OFF");
  db.pragma("cache_size = -1000000");
  db.pragma("wal_autocheckpoint = 100000");
  const triggers = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    .all() as { name: string; sql: string }[];
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  const { first, last } = db
    .prepare("SELECT min(time) AS first, max(time) AS last FROM event")
    .get() as { first: string; last: string };
  const span = Math.ceil((Date.parse(last) - Date.parse(first)) / 1000) + 1;
  db.exec(
    "CREATE TEMP TABLE streams AS SELECT stream, count(*) AS events FROM event GROUP BY stream",
  );
  const head = db.prepare("SELECT frontier FROM ledger_head").get() as { frontier: Uint8Array };
  const frontier: Hash[] = Array.from({ length: head.frontier.length / 32 }, (_, at) =>
    head.frontier.subarray(at * 32, at * 32 + 32),
  );
  let now = size;
  for (let copy = 1; now < total; copy += 1) {
    const events = Math.min(size, total - now);
    copyEvents(db, { copy, size, events, seconds: copy * span });
    for (const hash of leafHashes(db, now, events)) push(digest.sha256, frontier, now++, hash);
  }
  db.prepare(
    "UPDATE ledger_head SET size = ?, frontier = ?, time_high = (SELECT max(time) FROM event)",
  ).run(now, Buffer.concat(frontier));
  for (const { sql } of triggers) db.exec(sql);
  db.pragma("wal_checkpoint(TRUNCATE)");
  multiplyIndex(searchFile, size, total, db);
  db.close();
}

interface Copy {
  readonly copy: number;
  readonly size: number;
  readonly events: number;
  readonly seconds: number;
}

function copyEvents(db: Sqlite.Database, { copy, size, events, seconds }: Copy): void {
  db.transaction(() => {
    db.prepare(
      `INSERT INTO event (idx, id, stream, stream_pos, type, v, time, actor, actor_kind, correlation, causation, leaf, leaf_hash)
       SELECT e.idx + @size * @copy, printf('%08x', @copy) || substr(e.id, 9), e.stream,
         e.stream_pos + s.events * @copy, e.type, e.v,
         strftime('%Y-%m-%dT%H:%M:%fZ', e.time, '+' || @seconds || ' seconds'),
         e.actor, e.actor_kind, printf('%08x', @copy) || substr(e.correlation, 9), e.causation, e.leaf, e.leaf_hash
       FROM event e JOIN streams s ON s.stream = e.stream WHERE e.idx < @events ORDER BY e.idx`,
    ).run({ size, copy, events, seconds });
    db.prepare(
      "INSERT INTO payload (idx, salt, data) SELECT idx + @size * @copy, salt, data FROM payload WHERE idx < @events ORDER BY idx",
    ).run({ size, copy, events });
  })();
}

function* leafHashes(db: Sqlite.Database, from: number, count: number): Generator<Uint8Array> {
  yield* db
    .prepare("SELECT leaf_hash FROM event WHERE idx BETWEEN ? AND ? ORDER BY idx")
    .pluck()
    .iterate(from, from + count - 1) as IterableIterator<Uint8Array>;
}

/** The index for searching, which would take as long again to follow. */
function multiplyIndex(file: string, size: number, total: number, ledger: Sqlite.Database): void {
  const db = new Sqlite(file);
  db.pragma("synchronous = OFF");
  db.pragma("cache_size = -1000000");
  db.transaction(() => {
    for (const [table, keys] of [
      ["by_stream_type", "stream, type"],
      ["by_actor_type", "actor, type"],
      ["by_all", "stream, actor, type"],
    ] as const)
      for (let copy = 1; copy * size < total; copy += 1)
        db.prepare(
          `INSERT INTO ${table} SELECT ${keys}, idx + ? FROM ${table} WHERE idx < ? ORDER BY ${keys}, idx`,
        ).run(copy * size, Math.min(size, total - copy * size));
    const last = ledger
      .prepare("SELECT lower(hex(leaf_hash)) AS hash FROM event WHERE idx = ?")
      .get(total - 1) as { hash: string };
    db.prepare("UPDATE mark SET size = ?, leaf_hash = ?").run(total, last.hash);
  })();
  db.close();
}

const sizeOf = (db: Sqlite.Database): number =>
  (db.prepare("SELECT size FROM ledger_head").get() as { size: number }).size;
