import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqlitePhysical } from "../../src/domain/database/events.ts";
import type {
  DatabaseTarget,
  LiveSchema,
  Progress,
  StepRequest,
  StepResult,
  StepScript,
  TableBackupResult,
} from "../../src/domain/engine/database-engine.ts";
import type { Faults } from "../../src/infra/sqlite/session.ts";
import { SqliteEngine } from "../../src/infra/sqlite/sqlite-engine.ts";
import { applyOne } from "../support/step-results.ts";

/** Both ways in which SQLite keeps a transaction apart: they differ in almost every lock. */
export const MODES = ["wal", "delete"] as const;
export type Mode = (typeof MODES)[number];

/** In memory where that is possible: these tests kill processes, they do not cut the power. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A directory of its own for one test, removed with all that was opened in it. */
export class Workspace {
  readonly directory = mkdtempSync(join(ROOT, "schemaledger-engine-"));
  readonly #open: { close(): unknown }[] = [];

  path(name: string): string {
    return join(this.directory, name);
  }

  keep<T extends { close(): unknown }>(thing: T): T {
    this.#open.push(thing);
    return thing;
  }

  files(): string[] {
    return readdirSync(this.directory).toSorted();
  }

  remove(): void {
    for (const thing of this.#open.toReversed()) thing.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface EngineOptions {
  readonly faults?: Faults;
  readonly onProgress?: (progress: Progress) => void;
  readonly onTablesSaved?: (saved: TableBackupResult) => Promise<void>;
}

/** A database file with the engine that manages it. */
export class ManagedDatabase {
  readonly workspace: Workspace;
  readonly target: DatabaseTarget;
  readonly progress: Progress[] = [];
  engine: SqliteEngine;
  #token = 10;

  constructor(workspace: Workspace, mode: Mode, ddl: string, options: EngineOptions = {}) {
    this.workspace = workspace;
    this.target = {
      engine: "sqlite",
      url: workspace.path("app.db"),
      databaseId: randomUUID(),
      origin: "ledger.example/test",
      incarnation: randomUUID(),
    };
    const db = new Database(this.target.url);
    db.pragma(`journal_mode = ${mode}`);
    db.pragma("foreign_keys = OFF");
    db.exec(ddl);
    db.close();
    this.engine = this.newEngine(options);
  }

  get path(): string {
    return this.target.url;
  }

  /** An engine of another session. */
  newEngine(options: EngineOptions = {}, target: Partial<DatabaseTarget> = {}): SqliteEngine {
    return this.workspace.keep(
      new SqliteEngine(
        { ...this.target, ...target },
        {
          onProgress: options.onProgress ?? ((progress) => this.progress.push(progress)),
          onTablesSaved: options.onTablesSaved ?? (() => Promise.resolve()),
        },
        options.faults === undefined ? {} : { faults: options.faults },
      ),
    );
  }

  /** Installs the own tables; the engine is then ready for steps. */
  async install(): Promise<this> {
    await this.engine.install(1);
    return this;
  }

  /** The request of a step against the present schema, with a newer token than all before. */
  async request(sql: string, more: Partial<StepRequest> = {}): Promise<StepRequest> {
    const token = this.#token++;
    return {
      ...stepScript(sql),
      version: String(token),
      attempt: randomUUID(),
      planDigest: "sha256:plan",
      token,
      intentIndex: token,
      intentLeafHash: "ab".repeat(32),
      checkpoint: null,
      at: "2026-01-01T00:00:00.000Z",
      expectedBefore: more.expectedBefore ?? (await this.engine.schema()).fingerprint,
      follows: null,
      appliedBefore: null,
      expectedAfter: null,
      lockTimeoutMs: 200,
      tableBackup: null,
      ...more,
    };
  }

  async apply(sql: string, more: Partial<StepRequest> = {}): Promise<StepResult> {
    return applyOne(this.engine, await this.request(sql, more));
  }

  /** Runs `use` on a foreign connection, as the application would. */
  foreign<T>(use: (db: Database.Database) => T): T {
    const db = new Database(this.path, { timeout: 200 });
    try {
      return use(db);
    } finally {
      db.close();
    }
  }

  /** One value, read by a foreign connection. */
  value(sql: string): unknown {
    return this.foreign((db) => db.prepare(sql).pluck().get());
  }

  /** Everything in the file that a step which failed must have left alone. */
  content(): unknown {
    return this.foreign((db) => {
      const objects = db.prepare("SELECT * FROM sqlite_schema ORDER BY type, name").all() as {
        type: string;
        name: string;
      }[];
      const rows = objects
        .filter(({ type }) => type === "table")
        .map(({ name }) => [name, db.prepare(`SELECT * FROM "${name}"`).raw().all()]);
      return { objects, rows, userVersion: db.pragma("user_version", { simple: true }) };
    });
  }
}

/** What is said of the file. */
export function fileFacts({ physical }: LiveSchema): SqlitePhysical {
  if ("journalMode" in physical) return physical;
  throw new Error("not of an SQLite database");
}

/** A migration's script with nothing special about it. */
export const stepScript = (sql: string, more: Partial<StepScript> = {}): StepScript => ({
  version: "1",
  name: "step",
  direction: "up",
  checksum: "sha256:step",
  sql,
  transaction: "required",
  allow: {},
  ...more,
});
