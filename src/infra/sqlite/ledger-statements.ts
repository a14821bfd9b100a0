import type { RunResult } from "better-sqlite3";
import { EVENT_VERSIONS } from "../../domain/events.ts";
import type { Content } from "../../domain/ledger/ledger.ts";
import type { Idempotency } from "../../domain/shared/actor.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Drafts } from "../ledger/draft-events.ts";
import type { LedgerConnection, LedgerStatement } from "./ledger-connection.ts";
import type { LedgerHeadState } from "../ledger/ledger-head.ts";
import type { Extras } from "./ledger-writer.ts";

/** Rows that one statement inserts at most. */
const GROUP = 32;

/**
 * ROLLBACK is what follows a broken constraint here anyway; said to SQLite, it need not journal
 * what the statement alone changed.
 */
const insertInto = (table: string, columns: string): string =>
  `INSERT OR ROLLBACK INTO ${table} (${columns}) VALUES `;

const EVENT =
  "id, stream, stream_pos, type, v, time, actor, actor_kind, correlation, causation, leaf, leaf_hash";
const PAYLOAD = "salt, data";

const INSERT_EVENT = `${insertInto("event", `idx, ${EVENT}`)} (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
/** The data is bound as the bytes that were hashed. */
const INSERT_PAYLOAD = `${insertInto("payload", `idx, ${PAYLOAD}`)} (?, ?, CAST(? AS TEXT))`;

/**
 * Several events: what those of one append share is bound once, as binding a value costs about as
 * much as storing it (measured). `idx` is left to SQLite, which gives the next one: a given one
 * it would have to check, which may fail, which is a reason to journal.
 */
const insertEvents = (rows: number): string =>
  insertInto("event", EVENT) +
  each(
    rows,
    (i) =>
      `(?, @stream, @version + ${i}, ?, ?, @time, @actor, @actorKind, @correlation, @causation, ?, ?)`,
  );

const insertPayloads = (rows: number): string =>
  insertInto("payload", PAYLOAD) + each(rows, () => "(?, CAST(? AS TEXT))");

const each = (rows: number, row: (i: number) => string): string =>
  Array.from({ length: rows }, (_, i) => row(i)).join(", ");

/** The prepared statements that write a ledger. None of them replaces or deletes a row. */
export class LedgerStatements {
  readonly #db: LedgerConnection;
  readonly #begin: LedgerStatement;
  readonly #commit: LedgerStatement;
  readonly #event: LedgerStatement;
  readonly #payload: LedgerStatement;
  /** By their number of rows, prepared when they are first needed. */
  readonly #events: LedgerStatement[] = [];
  readonly #payloads: LedgerStatement[] = [];
  readonly #content: LedgerStatement;
  readonly #head: LedgerStatement;
  readonly #idem: LedgerStatement;
  readonly #once: LedgerStatement;
  readonly #answer: LedgerStatement;
  readonly #checkpoint: LedgerStatement;

  constructor(db: LedgerConnection) {
    this.#db = db;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#event = db.prepare(INSERT_EVENT);
    this.#payload = db.prepare(INSERT_PAYLOAD);
    this.#content = db.prepare("INSERT INTO content VALUES (?, ?) ON CONFLICT (digest) DO NOTHING");
    // Without the WHERE, SQLite would collect the rows in a temporary table before the trigger.
    this.#head = db.prepare(
      `UPDATE OR ROLLBACK ledger_head SET size = ?, frontier = ?, time_high = ?, time_back = ?
         WHERE one = 1`,
    );
    this.#idem = db.prepare("INSERT INTO idem VALUES (?, ?, ?, ?, NULL)");
    this.#once = db.prepare("INSERT INTO once_key VALUES (?, ?, ?)");
    this.#answer = db.prepare("UPDATE idem SET answer = ? WHERE key = ? AND answer IS NULL");
    this.#checkpoint = db.prepare(
      "INSERT INTO checkpoint VALUES (?, ?, ?, ?) ON CONFLICT (size) DO NOTHING",
    );
  }

  /** Takes the write lock. */
  begin(): void {
    this.#begin.run();
  }

  /** Durable when it returns. */
  commit(): void {
    this.#commit.run();
  }

  rollback(): void {
    // SQLite has already rolled back after some errors (disk full, for one).
    if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
  }

  insertEvents(drafts: Drafts): void {
    const count = drafts.events.length;
    let at = 0;
    while (at < count) {
      // SQLite would give the first event of all the index 1.
      const rows = drafts.events[at]!.index === 0 ? 1 : Math.min(GROUP, count - at);
      if (rows === 1) this.#insertOne(drafts, at);
      else this.#insertMany(drafts, at, rows);
      at += rows;
    }
  }

  #insertOne({ events, leaves, salts, payloads }: Drafts, at: number): void {
    const event = events[at]!;
    this.#event.run(
      event.index,
      event.id,
      event.stream,
      event.streamVersion,
      event.type,
      EVENT_VERSIONS[event.type],
      event.time,
      event.actor.id,
      event.actor.kind,
      event.correlation,
      event.causation,
      leaves[at],
      event.leafHash,
    );
    this.#payload.run(event.index, salts[at], payloads[at]);
  }

  #insertMany(
    { frame, events, leaves, salts, payloads }: Drafts,
    from: number,
    rows: number,
  ): void {
    const rowsOfEvents: unknown[] = [];
    const rowsOfPayloads: unknown[] = [];
    for (let i = from; i < from + rows; i += 1) {
      const event = events[i]!;
      rowsOfEvents.push(
        event.id,
        event.type,
        EVENT_VERSIONS[event.type],
        leaves[i],
        event.leafHash,
      );
      rowsOfPayloads.push(salts[i], payloads[i]);
    }
    this.#events[rows] ??= this.#db.prepare(insertEvents(rows));
    this.#payloads[rows] ??= this.#db.prepare(insertPayloads(rows));
    const last = events[from + rows - 1]!.index;
    checkLast(
      last,
      this.#events[rows].run(rowsOfEvents, {
        stream: frame.stream,
        version: events[from]!.streamVersion,
        time: frame.time,
        actor: frame.actor.id,
        actorKind: frame.actor.kind,
        correlation: frame.correlation,
        causation: frame.causation,
      }),
    );
    checkLast(last, this.#payloads[rows].run(rowsOfPayloads));
  }

  insertContent(content: Content): void {
    this.#content.run(content.digest, content.text);
  }

  insertIdem(idempotency: Idempotency, first: number | null, last: number | null): void {
    this.#idem.run(idempotency.key, idempotency.requestHash, first, last);
  }

  insertOnce(key: string, first: number | null, last: number | null): void {
    this.#once.run(key, first, last);
  }

  updateHead(head: LedgerHeadState): void {
    this.#head.run(head.size, head.frontier, head.timeHigh, head.timeBack);
  }

  /** An answer or checkpoint that is there already stays: both are given once. */
  storeExtras({ answers, checkpoint }: Extras, clock: Clock): void {
    for (const [key, answer] of answers) this.#answer.run(answer, key);
    if (checkpoint !== undefined) {
      this.#checkpoint.run(checkpoint.size, checkpoint.root, checkpoint.note, clock.now());
    }
  }
}

/** The index that SQLite gave the last of several rows must be the one in its leaf. */
function checkLast(index: number, { lastInsertRowid }: RunResult): void {
  if (lastInsertRowid === index) return;
  throw new Error(`a row of event ${index} came to ${lastInsertRowid}: rows before it are missing`);
}
