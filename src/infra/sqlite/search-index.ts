import Sqlite from "better-sqlite3";
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import type { EventQuery } from "../../domain/ledger/ledger.ts";
import type { IndexRange } from "./ledger-query.ts";

/** What is indexed of an event. */
export type SearchFacts = readonly [index: number, stream: string, type: string, actor: string];

/** The ledger that is indexed. */
export interface SearchSource {
  size(): number;
  /** At most `limit` events from an index on, in order. */
  facts(from: number, limit: number): readonly SearchFacts[];
  /** Hex; undefined if there is no such event. */
  leafHash(index: number): string | undefined;
}

/** Other tables than these are made anew. */
const FORMAT = 1;

/**
 * Three keys, each followed by the index: whatever two or three of stream, actor and type a query
 * names, its events lie side by side in order. Texts are numbers here, or the file would be as
 * large as the ledger.
 */
const TABLES = `
CREATE TABLE mark (one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, size INTEGER NOT NULL, leaf_hash TEXT) STRICT;
CREATE TABLE term (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, is_type INTEGER NOT NULL) STRICT;
CREATE TABLE by_stream_type (stream INTEGER NOT NULL, type INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (stream, type, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE by_actor_type (actor INTEGER NOT NULL, type INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (actor, type, idx)) STRICT, WITHOUT ROWID;
CREATE TABLE by_all (stream INTEGER NOT NULL, actor INTEGER NOT NULL, type INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (stream, actor, type, idx)) STRICT, WITHOUT ROWID;
`;

/** Events indexed in one go while requests wait, and otherwise. */
const AT_MOST = 2_000;
const CHUNK = 500;
/** Milliseconds of rest after an append before the index follows. */
const REST = 250;

/**
 * Finds events by several of their facts at once, in a file of its own beside the ledger. It holds
 * nothing that the ledger does not say: a file that does not fit is made anew. While it is far
 * behind, queries go without it.
 */
export class SearchIndex {
  readonly #db: Sqlite.Database;
  readonly #onError: (error: unknown) => void;
  readonly #origin: string;
  readonly #source: SearchSource;
  readonly #terms = new Map<string, number>();
  readonly #types = new Set<number>();
  readonly #statements = new Map<string, Sqlite.Statement<unknown[]>>();
  #size = 0;
  #broken = false;
  #timer: NodeJS.Timeout | undefined;

  /** `onError` hears once of what keeps the index from going on; queries then go without it. */
  constructor(
    file: string,
    origin: string,
    source: SearchSource,
    onError: (error: unknown) => void,
  ) {
    this.#onError = onError;
    this.#origin = origin;
    this.#source = source;
    this.#db = openIndex(file);
    this.#begin();
  }

  /** Number of events in it. */
  get size(): number {
    return this.#size;
  }

  /** Catches up now and then, and after `changed`, without keeping others from their turn. */
  follow(): void {
    if (this.#broken) return;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#catchUp();
      },
      this.#isFar() ? 0 : REST,
    ).unref();
  }

  /**
   * Indexes of the events that a query asks for, in its order, at most its limit; undefined if it
   * is not of those that this index is for, or it is far behind. Times are not looked at.
   */
  find(query: EventQuery, range: IndexRange): readonly number[] | undefined {
    const { stream, actor, types } = query;
    const narrowed = [stream, actor, types].filter((one) => one !== undefined).length;
    if (narrowed < 2 || query.correlation !== undefined || this.#broken || this.#isFar())
      return undefined;
    try {
      this.#index(AT_MOST);
      return this.#listed(query, range);
    } catch (error) {
      this.#break(error);
      return undefined;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#db.close();
  }

  #catchUp(): void {
    if (!this.#db.open) return;
    try {
      this.#index(CHUNK);
      if (this.#size < this.#source.size()) setImmediate(() => this.follow());
    } catch (error) {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onError(error);
  }

  #listed(
    { stream, actor, types, order, limit }: EventQuery,
    { low, high }: IndexRange,
  ): readonly number[] {
    const keys = [stream, actor].map((text) => (text === undefined ? null : this.#known(text)));
    const kinds =
      types === undefined ? [...this.#types] : [...new Set(types)].map((type) => this.#known(type));
    if (keys.includes(undefined)) return [];
    const [streamId, actorId] = keys;
    const table =
      actorId === null ? "by_stream_type" : streamId === null ? "by_actor_type" : "by_all";
    const fixed = [streamId, actorId].filter((id) => id !== null);
    const where = [
      ...(streamId === null ? [] : ["stream = ?"]),
      ...(actorId === null ? [] : ["actor = ?"]),
      "type = ?",
      "idx BETWEEN ? AND ?",
    ].join(" AND ");
    const one = `SELECT idx FROM ${table} WHERE ${where}`;
    const walks = kinds.filter((id) => id !== undefined);
    if (walks.length === 0) return [];
    const sql = `${walks.map(() => one).join(" UNION ALL ")} ORDER BY 1 ${order} LIMIT ?`;
    const values = walks.flatMap((type) => fixed.concat(type, low, high));
    return this.#statement(sql)
      .pluck()
      .all(...values, limit) as number[];
  }

  #isFar = (): boolean => this.#source.size() - this.#size > AT_MOST;

  /** Takes up a file that fits this ledger, empties any other. */
  #begin(): void {
    const mark = this.#statement("SELECT origin, size, leaf_hash AS leafHash FROM mark").get() as
      | { origin: string; size: number; leafHash: string | null }
      | undefined;
    const fits =
      mark !== undefined &&
      mark.origin === this.#origin &&
      (mark.size === 0 || this.#source.leafHash(mark.size - 1) === mark.leafHash);
    if (!fits) this.#empty();
    this.#size = fits ? mark.size : 0;
    const terms = this.#statement("SELECT id, text, is_type AS isType FROM term").all();
    for (const { id, text, isType } of terms as { id: number; text: string; isType: number }[]) {
      this.#terms.set(text, id);
      if (isType === 1) this.#types.add(id);
    }
  }

  #empty(): void {
    this.#db.transaction(() => {
      for (const table of ["mark", "term", "by_stream_type", "by_actor_type", "by_all"])
        this.#db.exec(`DELETE FROM ${table}`);
      this.#statement("INSERT INTO mark VALUES (1, ?, 0, NULL)").run(this.#origin);
    })();
  }

  #index(limit: number): void {
    const facts = this.#source.facts(this.#size, limit);
    if (facts.length === 0) return;
    this.#db.transaction(() => {
      for (const [index, stream, type, actor] of facts) {
        const [s, t, a] = [this.#id(stream, 0), this.#id(type, 1), this.#id(actor, 0)];
        this.#statement("INSERT INTO by_stream_type VALUES (?, ?, ?)").run(s, t, index);
        this.#statement("INSERT INTO by_actor_type VALUES (?, ?, ?)").run(a, t, index);
        this.#statement("INSERT INTO by_all VALUES (?, ?, ?, ?)").run(s, a, t, index);
      }
      const size = facts.at(-1)![0] + 1;
      const leafHash = this.#source.leafHash(size - 1)!;
      this.#statement("UPDATE mark SET size = ?, leaf_hash = ?").run(size, leafHash);
      this.#size = size;
    })();
  }

  #known = (text: string): number | undefined => this.#terms.get(text);

  #id(text: string, isType: 0 | 1): number {
    const known = this.#terms.get(text);
    if (known !== undefined) return known;
    const id = this.#terms.size + 1;
    this.#statement("INSERT INTO term VALUES (?, ?, ?)").run(id, text, isType);
    this.#terms.set(text, id);
    if (isType === 1) this.#types.add(id);
    return id;
  }

  #statement(sql: string): Sqlite.Statement<unknown[]> {
    const known = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }
}

/** A file that cannot be used is made anew: all of it follows from the ledger. */
function openIndex(file: string): Sqlite.Database {
  for (let again = false; ; again = true) {
    if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
    const db = new Sqlite(file);
    try {
      db.pragma("journal_mode = WAL");
      // Never torn; at worst the newest events are indexed once more.
      db.pragma("synchronous = NORMAL");
      if (db.pragma("user_version", { simple: true }) !== FORMAT) create(db);
      return db;
    } catch (error) {
      db.close();
      if (again) throw error;
      for (const path of [file, `${file}-wal`, `${file}-shm`]) rmSync(path, { force: true });
    }
  }
}

function create(db: Sqlite.Database): void {
  db.transaction(() => {
    db.exec(TABLES);
    db.pragma(`user_version = ${FORMAT}`);
  })();
}
