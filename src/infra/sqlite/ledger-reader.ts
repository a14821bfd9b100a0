import type { FoldEvent, RecordedEvent } from "../../domain/events.ts";
import type { Checkpoint, EventQuery } from "../../domain/ledger/ledger.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { AuditRow } from "../../domain/audit/audit-log.ts";
import { recordedEvent } from "../ledger/event-row.ts";
import type { LedgerConnection, LedgerStatement } from "./ledger-connection.ts";
import type { HeadRow } from "../ledger/ledger-head.ts";
import { instant } from "../ledger/instant.ts";
import { foldEvent, type FoldRow } from "../ledger/fold-event.ts";
import {
  FOLD_RANGE,
  ledgerQuery,
  READ_RANGE,
  readListed,
  type IndexRange,
} from "./ledger-query.ts";
import { SearchIndex, type SearchFacts } from "./search-index.ts";

/** Events that readAll fetches at a time. */
const CHUNK = 500;
const NO_END = Number.MAX_SAFE_INTEGER;

/** An `idem` row. */
export interface IdemRow {
  readonly requestHash: string;
  readonly first: number | null;
  readonly last: number | null;
  readonly answer: string | null;
}

const SIZE = "SELECT idx + 1 FROM event ORDER BY idx DESC LIMIT 1";

/** Reads a ledger file. Synchronous: each call is one short statement. */
export class LedgerReader {
  readonly #db: LedgerConnection;
  readonly #statements = new Map<string, LedgerStatement>();
  readonly #size: LedgerStatement;

  /** Finds what several filters narrow at once; without it they are walked one by one. */
  search: SearchIndex | undefined;

  constructor(db: LedgerConnection) {
    this.#db = db;
    this.#size = db.prepare(SIZE).pluck();
  }

  searchWith(file: string, origin: string, onError: (error: unknown) => void): SearchIndex {
    this.search = new SearchIndex(file, origin, this, onError);
    return this.search;
  }

  /** What a search index is made of. */
  facts(from: number, limit: number): readonly SearchFacts[] {
    const sql = "SELECT idx, stream, type, actor FROM event WHERE idx >= ? ORDER BY idx LIMIT ?";
    return this.#statement(sql).raw().all(from, limit) as SearchFacts[];
  }

  leafHash(index: number): string | undefined {
    const sql = "SELECT lower(hex(leaf_hash)) FROM event WHERE idx = ?";
    return this.#pluck(sql).get(index) as string | undefined;
  }

  head(): HeadRow {
    // One statement, so that no append of another process comes in between.
    const sql = `SELECT origin, size, frontier, time_high AS timeHigh, time_back AS timeBack,
      coalesce((${SIZE}), 0) AS events FROM ledger_head`;
    return this.#statement(sql).get() as HeadRow;
  }

  /**
   * The stored columns of the events a query asks for, the payload as text, unparsed. Versions are
   * not checked: what reads `payload` reads it at `v`.
   */
  rows(query: EventQuery): readonly AuditRow[] {
    if (query.types?.length === 0) return [];
    const range = this.#range(query);
    if (range.low > range.high) return [];
    const listed = this.#listed(query, range);
    if (listed !== undefined)
      return this.#statement(readListed(query.order)).all(JSON.stringify(listed)) as AuditRow[];
    const places = query.stream === undefined ? undefined : this.#places(query.stream, range);
    const { sql, values } = ledgerQuery(query, range, places);
    return this.#statement(sql).all(...values) as AuditRow[];
  }

  events(query: EventQuery): readonly RecordedEvent[] {
    return this.rows(query).map(recordedEvent);
  }

  between(first: number, last: number): readonly RecordedEvent[] {
    return this.#rowsBetween(first, last, NO_END).map(recordedEvent);
  }

  /** The next chunk from an index on; empty at the end. */
  chunk(from: number): readonly AuditRow[] {
    return this.#rowsBetween(from, NO_END, CHUNK);
  }

  /** As `chunk`, with nothing but what folds need. */
  forFold(from: number): readonly FoldEvent[] {
    const rows = this.#statement(FOLD_RANGE).raw().all(from, CHUNK) as FoldRow[];
    return rows.map(foldEvent);
  }

  /** Number of events of a stream. */
  streamVersion(stream: string): number {
    // Not MAX(): inside an expression it walks the whole stream.
    const sql =
      "SELECT stream_pos + 1 FROM event WHERE stream = ? ORDER BY stream_pos DESC LIMIT 1";
    return (this.#pluck(sql).get(stream) as number | undefined) ?? 0;
  }

  /** Number of events, whatever the head row says. */
  size(): number {
    if (!this.#db.open) throw ledgerClosed();
    return (this.#size.get() as number | undefined) ?? 0;
  }

  /** The leaves from an index on. */
  leaves(from: number): Iterable<Uint8Array> {
    const sql = "SELECT leaf FROM event WHERE idx >= ? ORDER BY idx";
    return this.#pluck(sql).iterate(from) as Iterable<Uint8Array>;
  }

  content(digest: string): string | undefined {
    const text = this.#pluck("SELECT text FROM content WHERE digest = ?").get(digest);
    return text as string | undefined;
  }

  idem(key: string): IdemRow | undefined {
    const sql =
      "SELECT request_hash AS requestHash, first_idx AS first, last_idx AS last, answer FROM idem WHERE key = ?";
    return this.#statement(sql).get(key) as IdemRow | undefined;
  }

  once(key: string): Pick<IdemRow, "first" | "last"> | undefined {
    const sql = "SELECT first_idx AS first, last_idx AS last FROM once_key WHERE key = ?";
    return this.#statement(sql).get(key) as Pick<IdemRow, "first" | "last"> | undefined;
  }

  checkpoints(): readonly Checkpoint[] {
    return this.#statement("SELECT size, root, note FROM checkpoint").all() as Checkpoint[];
  }

  /** The one of the smallest size that is not below. */
  checkpointFrom(size: number): Checkpoint | undefined {
    const sql = "SELECT size, root, note FROM checkpoint WHERE size >= ? ORDER BY size LIMIT 1";
    return this.#statement(sql).get(size) as Checkpoint | undefined;
  }

  newestCheckpoint(): Checkpoint | undefined {
    const sql = "SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1";
    return this.#statement(sql).get() as Checkpoint | undefined;
  }

  /** Only where a bound on time is exactly one on the index: the search index knows no times. */
  #listed(query: EventQuery, range: IndexRange): readonly number[] | undefined {
    if (this.search === undefined) return undefined;
    const timed = query.from !== undefined || query.to !== undefined;
    return timed && this.head().timeBack > 0 ? undefined : this.search.find(query, range);
  }

  #rowsBetween(first: number, last: number, limit: number): readonly AuditRow[] {
    return this.#statement(READ_RANGE).all(first, last, limit) as AuditRow[];
  }

  /**
   * The indexes that can match. If a clock was once set back by `timeBack`, then everything up to
   * an event earlier than `from − timeBack` is earlier than `from`, and everything after one later
   * than `to + timeBack` is later than `to`.
   */
  #range(query: EventQuery): IndexRange {
    if (!this.#db.open) throw ledgerClosed();
    const after = query.after;
    const low = after !== undefined && query.order === "asc" ? after + 1 : 0;
    const high = after !== undefined && query.order === "desc" ? after - 1 : NO_END;
    if (query.from === undefined && query.to === undefined) return { low, high };
    // One snapshot: an event that another process appends must not be missing from `timeBack`.
    return this.#db.transaction(() => this.#timeRange(query, low, high))();
  }

  #timeRange(query: EventQuery, first: number, last: number): IndexRange {
    const { timeBack } = this.head();
    let low = first;
    let high = last;
    if (query.from !== undefined) {
      const sql = "SELECT idx FROM event WHERE time < ? ORDER BY time DESC, idx DESC LIMIT 1";
      const before = this.#pluck(sql).get(instant(query.from, -timeBack)) as number | undefined;
      if (before !== undefined) low = Math.max(low, before + 1);
    }
    if (query.to !== undefined) {
      const sql = "SELECT idx FROM event WHERE time > ? ORDER BY time, idx LIMIT 1";
      const beyond = this.#pluck(sql).get(instant(query.to, timeBack)) as number | undefined;
      if (beyond !== undefined) high = Math.min(high, beyond - 1);
    }
    return { low, high };
  }

  /** A range of indexes as a range of places in a stream: both grow together. */
  #places(stream: string, range: IndexRange): IndexRange {
    const size = this.streamVersion(stream);
    const low = range.low === 0 ? 0 : this.#firstPlace(stream, size, range.low);
    const high = range.high === NO_END ? size : this.#firstPlace(stream, size, range.high + 1);
    return { low, high: high - 1 };
  }

  /** The first place in a stream whose index is not below `index`. */
  #firstPlace(stream: string, size: number, index: number): number {
    const at = this.#pluck("SELECT idx FROM event WHERE stream = ? AND stream_pos = ?");
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((at.get(stream, middle) as number) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #statement(sql: string): LedgerStatement {
    if (!this.#db.open) throw ledgerClosed();
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #pluck(sql: string): LedgerStatement {
    return this.#statement(sql).pluck();
  }
}

export const ledgerClosed = (): Unavailable =>
  new Unavailable("ledger-closed", "The ledger is closed", { hint: "Start the service again" });
