import type Sqlite from "better-sqlite3";
import { existsSync, renameSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Hash } from "../../domain/shared/digest.ts";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import type { EntityQuery } from "../../domain/state/entity-query.ts";
import type {
  EndedEntity,
  EntityRef,
  OpenEntity,
  ProjectionBatch,
  ProjectionMark,
  ProjectionStore,
  StoredProjection,
} from "../../domain/state/projection-store.ts";
import {
  beginFilling,
  endFilling,
  IN_MEMORY,
  isFilling,
  openProjectionFile,
  readProjectionFile,
  removeProjectionFile,
  removeSideFiles,
  unusable,
  type ConnectProjection,
  type ProjectionConnection,
} from "./projection-file.ts";
import { splitHashes } from "../ledger/ledger-head.ts";

/** Rows that are read before the event loop turns. */
const CHUNK = 500;

const MARK = `SELECT code, origin, size, frontier, rest, ended_count AS endedCount,
  ended_sum AS endedSum, open_sum AS openSum, state_hash AS stateHash, seal FROM mark`;
const OPEN = "SELECT kind, id, digest, text FROM open ORDER BY place";
const ENDED = "began, kind, id, database_id AS databaseId, status, text";

interface MarkRow extends Omit<ProjectionMark, "frontier"> {
  readonly frontier: Uint8Array;
}

export interface SqliteProjectionStoreOptions {
  /** Nobody waits while a new file is filled. Default true. */
  readonly bulk?: boolean;
  /** The file is another process's. One that is missing is not made. */
  readonly readOnly?: boolean;
  /** How a file is opened that is only read, or what is in memory in its place. */
  readonly connect?: ConnectProjection | undefined;
}

/** The projection in an SQLite file. Its statements are short; a batch is one transaction. */
export class SqliteProjectionStore implements ProjectionStore {
  #file: string;
  #readOnly: boolean;
  /** Absent while the file cannot be used, and when this is closed. */
  #db: ProjectionConnection | undefined;
  #fault: DomainError | undefined;
  readonly #bulk: boolean;
  readonly #connect: ConnectProjection | undefined;
  #filling = false;
  readonly #statements = new Map<string, Sqlite.Statement<unknown[]>>();

  /** Makes the file if it does not exist. What cannot be read shows with the first use. */
  constructor(
    file: string,
    { bulk = true, readOnly = false, connect }: SqliteProjectionStoreOptions = {},
  ) {
    this.#bulk = bulk;
    this.#connect = connect;
    this.#readOnly = readOnly && existsSync(file);
    this.#file = readOnly && !this.#readOnly ? IN_MEMORY : file;
    this.#open();
  }

  get readOnly(): boolean {
    return this.#readOnly;
  }

  async stored(): Promise<StoredProjection | undefined> {
    // One transaction: another process may write in between.
    const both = this.#read(() =>
      this.#usable().transaction(() => ({
        row: this.#statement(MARK).get() as MarkRow | undefined,
        open: this.#statement(OPEN).all() as OpenEntity[],
      }))(),
    );
    if (both.row === undefined) return undefined;
    const { frontier, ...mark } = both.row;
    return { mark: { ...mark, frontier: splitHashes(frontier) }, open: both.open };
  }

  async reset(): Promise<void> {
    await this.close();
    if (this.#readOnly) {
      this.#file = IN_MEMORY;
      this.#readOnly = false;
    }
    removeProjectionFile(this.#file);
    this.#open();
    if (this.#fault !== undefined) throw this.#fault;
  }

  async write(batch: ProjectionBatch): Promise<void> {
    try {
      const db = this.#usable();
      const { mark } = batch;
      if (this.#filling && mark !== undefined) {
        this.#write(db, { ...batch, mark: undefined });
        endFilling(db, this.#bulk);
        this.#filling = false;
        this.#write(db, { ended: [], changed: [], gone: [], mark });
      } else this.#write(db, batch);
    } catch (error) {
      if (error instanceof DomainError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new Unavailable("projection-write-failed", why, {
        hint: "Free disk space: until it can be written, the service needs more memory",
      });
    }
  }

  async digests(of: readonly EntityRef[]): Promise<readonly Hash[]> {
    const statement = this.#statement("SELECT digest FROM open WHERE kind = ? AND id = ?").pluck();
    return this.#read(() => of.flatMap(({ kind, id }) => (statement.get(kind, id) as Hash) ?? []));
  }

  async find(kind: string, id: string): Promise<string | undefined> {
    const sql = "SELECT text FROM ended WHERE id = ? AND kind = ?";
    return this.#read(() => this.#statement(sql).pluck().get(id, kind)) as string | undefined;
  }

  async list(kind: string, query: EntityQuery): Promise<readonly string[]> {
    const { databaseId, status, before = Number.MAX_SAFE_INTEGER, limit } = query;
    const where = ["kind = ?", "began < ?"];
    const values: (string | number)[] = [kind, before];
    if (databaseId !== undefined) where.push("database_id = ?");
    if (databaseId !== undefined) values.push(databaseId);
    if (status !== undefined) where.push("status = ?");
    if (status !== undefined) values.push(status);
    // The index is named: whichever it is, it is walked in order, and the limit ends the walk.
    const sql = `SELECT text FROM ended ${indexFor(query)} WHERE ${where.join(" AND ")}
      ORDER BY began DESC LIMIT ?`;
    return this.#read(() =>
      this.#statement(sql)
        .pluck()
        .all(...values, limit),
    ) as string[];
  }

  async known(kind: string, ids: readonly string[]): Promise<readonly string[]> {
    const statement = this.#statement("SELECT 1 FROM ended WHERE id = ? AND kind = ?").pluck();
    return this.#read(() => ids.filter((id) => statement.get(id, kind) === 1));
  }

  async *allEnded(): AsyncGenerator<readonly EndedEntity[], void, undefined> {
    const sql = `SELECT ${ENDED} FROM ended WHERE began > ? ORDER BY began LIMIT ${CHUNK}`;
    for (let last = -1; ;) {
      const rows = this.#read(() => this.#statement(sql).all(last)) as EndedEntity[];
      if (rows.length === 0) return;
      yield rows;
      last = rows.at(-1)!.began;
      await turn();
    }
  }

  async beside(): Promise<SqliteProjectionStore> {
    const inMemory = this.#readOnly || this.#file === IN_MEMORY;
    const file = inMemory ? IN_MEMORY : `${this.#file}.new`;
    removeProjectionFile(file);
    return new SqliteProjectionStore(file, { bulk: false, connect: this.#connect });
  }

  async takeOver(other: SqliteProjectionStore): Promise<void> {
    if (this.#readOnly) return other.close();
    await this.close();
    if (this.#file === IN_MEMORY) {
      this.#db = other.#db;
      return;
    }
    await other.close();
    // A log that was left here would be taken for that of the new file.
    removeSideFiles(this.#file);
    renameSync(other.#file, this.#file);
    this.#open();
  }

  async close(): Promise<void> {
    this.#statements.clear();
    this.#db?.close();
    this.#db = undefined;
  }

  #open(): void {
    this.#fault = undefined;
    try {
      if (this.#readOnly) {
        this.#db = readProjectionFile(this.#file, this.#connect);
        return;
      }
      this.#db = openProjectionFile(
        this.#file,
        this.#file === IN_MEMORY ? this.#connect : undefined,
      );
      this.#filling = isFilling(this.#db);
      if (this.#filling) beginFilling(this.#db, this.#bulk);
    } catch (error) {
      this.#fault = faultOf(error);
    }
  }

  #usable(): ProjectionConnection {
    if (this.#db !== undefined) return this.#db;
    throw this.#fault ?? unusable("it is closed");
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw faultOf(error);
    }
  }

  #statement(sql: string): Sqlite.Statement<unknown[]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#usable().prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #write(db: ProjectionConnection, batch: ProjectionBatch): void {
    db.transaction(() => {
      this.#writeEntities(batch);
      if (batch.mark !== undefined) this.#writeMark(batch.mark);
    })();
  }

  #writeEntities({ ended, changed, gone }: ProjectionBatch): void {
    const leave = this.#statement("DELETE FROM open WHERE kind = ? AND id = ?");
    for (const { kind, id } of gone) leave.run(kind, id);
    const change = this.#statement(
      `INSERT INTO open (kind, id, digest, text) VALUES (?, ?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET digest = excluded.digest, text = excluded.text`,
    );
    for (const { kind, id, digest, text } of changed) change.run(kind, id, digest, text);
    const end = this.#statement("INSERT INTO ended VALUES (?, ?, ?, ?, ?, ?)");
    for (const { began, kind, id, databaseId, status, text } of ended)
      end.run(began, kind, id, databaseId, status, text);
  }

  #writeMark(mark: ProjectionMark): void {
    const { code, origin, size, frontier, rest, endedCount, endedSum, openSum, stateHash, seal } =
      mark;
    this.#statement("INSERT OR REPLACE INTO mark VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      code,
      origin,
      size,
      Buffer.concat(frontier),
      rest,
      endedCount,
      endedSum,
      openSum,
      stateHash,
      seal,
    );
  }
}

function indexFor({ databaseId, status }: EntityQuery): string {
  if (databaseId !== undefined) return "INDEXED BY ended_by_database";
  return status === undefined ? "NOT INDEXED" : "INDEXED BY ended_by_status";
}

function faultOf(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return unusable(error instanceof Error ? error.message : String(error));
}
