import type Sqlite from "better-sqlite3";
import { existsSync, statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Opens an SQLite file that is never written through what is returned; `:memory:` opens none. */
export type ConnectReadOnly = (file: string) => Sqlite.Database;

/**
 * The files that one composition reads, opened so that SQLite has no descriptor to write with where the
 * directory cannot be written, and makes no file beside them anywhere. better-sqlite3 cannot be told
 * so, and brings native code that Node's permissions do not reach: this is Node's own SQLite behind
 * the same methods.
 */
export class ReadOnlyFiles {
  readonly #immutable = new Set<string>();
  readonly #places = new Map<string, number>();

  /** Throws SQLite's error if it cannot be opened. */
  readonly connect: ConnectReadOnly = (file) => {
    if (file === ":memory:")
      return new Connection(new DatabaseSync(file)) as unknown as Sqlite.Database;
    const wal = existsSync(`${file}-wal`);
    // Without a log nobody writes; SQLite would make one to read a file that had one.
    if (!wal) this.#immutable.add(file);
    this.#places.set(file, statSync(file).ino);
    const url = pathToFileURL(file);
    url.search = wal ? "mode=ro&readonly_shm=1" : "mode=ro&immutable=1";
    const db = new DatabaseSync(url, { readOnly: true, timeout: 5000 });
    db.exec("PRAGMA query_only = ON");
    return new Connection(db) as unknown as Sqlite.Database;
  };

  /**
   * Somebody writes now where nobody did, or the ledger is another file: what was opened must be opened
   * anew before anything is read.
   */
  isOutdated(ledger: string): boolean {
    for (const file of this.#immutable) if (existsSync(`${file}-wal`)) return true;
    return statSync(ledger, { throwIfNoEntry: false })?.ino !== this.#places.get(ledger);
  }
}

/** What readers, and a projection in memory, use of better-sqlite3's connections. */
class Connection {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get open(): boolean {
    return this.#db.isOpen;
  }

  prepare(sql: string): Statement {
    return new Statement(this.#db.prepare(sql));
  }

  pragma(text: string): unknown {
    return Object.values(this.#db.prepare(`PRAGMA ${text}`).get() ?? {})[0];
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** What `work` reads is of one moment, and what it writes is whole. */
  transaction<T>(work: () => T): () => T {
    return () => {
      this.#db.exec("BEGIN");
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } finally {
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      }
    };
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

type Row = { readonly [column: string]: unknown };

class Statement {
  readonly #statement: StatementSync;
  #plucks = false;

  constructor(statement: StatementSync) {
    this.#statement = statement;
  }

  pluck(): this {
    this.#plucks = true;
    return this;
  }

  raw(): this {
    this.#statement.setReturnArrays(true);
    return this;
  }

  run(...values: SQLInputValue[]): void {
    this.#statement.run(...values);
  }

  get(...values: SQLInputValue[]): unknown {
    const row = this.#statement.get(...values);
    return row === undefined ? undefined : this.#shown(row as Row);
  }

  all(...values: SQLInputValue[]): unknown[] {
    return this.#statement.all(...values).map((row) => this.#shown(row as Row));
  }

  *iterate(...values: SQLInputValue[]): Generator<unknown, void, undefined> {
    for (const row of this.#statement.iterate(...values)) yield this.#shown(row as Row);
  }

  #shown(row: Row): unknown {
    if (!this.#plucks) return row;
    return Array.isArray(row) ? row[0] : Object.values(row)[0];
  }
}
