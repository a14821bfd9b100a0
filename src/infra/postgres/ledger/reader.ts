import type { AuditRow } from "../../../domain/audit/audit-log.ts";
import type { FoldEvent, RecordedEvent } from "../../../domain/events.ts";
import type { Checkpoint, EventQuery } from "../../../domain/ledger/ledger.ts";
import type { StoredEntry } from "../../../domain/ledger/transparency-log.ts";
import { recordedEvent } from "../../ledger/event-row.ts";
import { foldEvent, type FoldRow } from "../../ledger/fold-event.ts";
import type { HeadRow } from "../../ledger/ledger-head.ts";
import { FOLD_RANGE, ledgerQuery, READ_RANGE } from "./query.ts";
import type { Sessions } from "./sessions.ts";

/** Events that are fetched at a time. */
export const CHUNK = 500;
const NO_END = Number.MAX_SAFE_INTEGER;

/** What is kept of an idempotency key. */
export interface IdemRow {
  readonly requestHash: string;
  readonly first: number | null;
  readonly last: number | null;
  readonly answer: string | null;
}

/** The head row with what several writers need. */
export interface SharedHeadRow extends HeadRow {
  readonly revision: number;
  /** Where the ledger went on, or null. */
  readonly sealed: string | null;
}

/** One statement, so that no append comes in between. */
export const HEAD = `SELECT origin, revision, size, frontier, time_high AS "timeHigh",
  time_back AS "timeBack", sealed,
  coalesce((SELECT idx + 1 FROM event ORDER BY idx DESC LIMIT 1), 0) AS events FROM ledger_head`;

const CHECKPOINT = "SELECT size, root, note FROM checkpoint";

/** Reads a ledger. Each call is one short statement, on whichever connection is free. */
export class LedgerReader {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Undefined before anybody opened the ledger under its name. */
  async head(): Promise<SharedHeadRow | undefined> {
    return this.#one<SharedHeadRow>(HEAD);
  }

  /** The stored columns of the events a query asks for, the payload as text, unparsed. */
  async rows(query: EventQuery): Promise<readonly AuditRow[]> {
    if (query.types?.length === 0) return [];
    const timed = query.from !== undefined || query.to !== undefined;
    const back = timed
      ? await this.#one<{ at: number }>("SELECT time_back AS at FROM ledger_head")
      : undefined;
    const { text, values } = ledgerQuery(query, back?.at ?? 0);
    return this.#all<AuditRow>(text, values);
  }

  async events(query: EventQuery): Promise<readonly RecordedEvent[]> {
    return (await this.rows(query)).map(recordedEvent);
  }

  async between(first: number, last: number): Promise<readonly RecordedEvent[]> {
    return (await this.#all<AuditRow>(READ_RANGE, [first, last, NO_END])).map(recordedEvent);
  }

  /** The next chunk from an index on; empty at the end. */
  async chunk(from: number, to = NO_END): Promise<readonly RecordedEvent[]> {
    return (await this.#all<AuditRow>(READ_RANGE, [from, to, CHUNK])).map(recordedEvent);
  }

  /** As `chunk`, with nothing but what folds need. */
  async forFold(from: number): Promise<readonly FoldEvent[]> {
    const rows = await this.#sessions.use(async (client) => {
      const query = { text: FOLD_RANGE, values: [from, CHUNK], rowMode: "array" as const };
      return (await client.query<unknown[]>(query)).rows as unknown as FoldRow[];
    });
    return rows.map(foldEvent);
  }

  /** Those of the events from an index on, below `to`. */
  async leaves(from: number, to = NO_END): Promise<readonly Uint8Array[]> {
    return this.#column("leaf", from, to);
  }

  async leafHashes(from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#column("leaf_hash", from, to);
  }

  /** What is stored of at most `limit` events, as bytes and texts. */
  async entries(from: number, limit: number): Promise<readonly StoredEntry[]> {
    const sql = `SELECT e.idx AS "index", e.leaf, p.salt, p.data AS payload
      FROM event e LEFT JOIN payload p ON p.idx = e.idx WHERE e.idx >= $1 ORDER BY e.idx LIMIT $2`;
    return this.#all<StoredEntry>(sql, [from, limit]);
  }

  async content(digest: string): Promise<string | undefined> {
    const sql = "SELECT text FROM content WHERE digest = $1";
    return (await this.#one<{ text: string }>(sql, [digest]))?.text;
  }

  async idem(key: string): Promise<IdemRow | undefined> {
    const sql = `SELECT request_hash AS "requestHash", first_idx AS first, last_idx AS last, answer
      FROM idem WHERE key = $1`;
    return this.#one<IdemRow>(sql, [key]);
  }

  /** The one of the smallest size that is not below. */
  async checkpointFrom(size: number): Promise<Checkpoint | undefined> {
    return this.#one<Checkpoint>(`${CHECKPOINT} WHERE size >= $1 ORDER BY size LIMIT 1`, [size]);
  }

  async newestCheckpoint(): Promise<Checkpoint | undefined> {
    return this.#one<Checkpoint>(`${CHECKPOINT} ORDER BY size DESC LIMIT 1`);
  }

  async #column(
    name: "leaf" | "leaf_hash",
    from: number,
    to: number,
  ): Promise<readonly Uint8Array[]> {
    const sql = `SELECT ${name} AS bytes FROM event WHERE idx >= $1 AND idx < $2 ORDER BY idx`;
    return (await this.#all<{ bytes: Uint8Array }>(sql, [from, to])).map(({ bytes }) => bytes);
  }

  async #one<T extends object>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<T | undefined> {
    return (await this.#all<T>(text, values))[0];
  }

  async #all<T extends object>(text: string, values: readonly unknown[]): Promise<readonly T[]> {
    return this.#sessions.use(async (client) => {
      const { rows } = await client.query<T>(text, [...values]);
      return rows;
    });
  }
}
