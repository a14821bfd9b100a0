import { randomUUID } from "node:crypto";
import type {
  DatabaseTarget,
  Progress,
  StepRequest,
  StepResult,
} from "../../../src/domain/engine/database-engine.ts";
import { readAddress } from "../../../src/infra/postgres/connection/address.ts";
import { PostgresEngine } from "../../../src/infra/postgres/engine/postgres-engine.ts";
import type { Faults } from "../../../src/infra/postgres/engine/session.ts";
import { loadParser } from "../../../src/infra/postgres/sql/parser.ts";
import { stepScript } from "../managed-database.ts";
import { applyOne } from "../step-results.ts";
import type { PostgresServer } from "./server.ts";

/** A database on a test server, with the engine that manages it. */
export class ManagedPostgres {
  readonly server: PostgresServer;
  readonly target: DatabaseTarget;
  readonly progress: Progress[] = [];
  readonly engine: PostgresEngine;
  readonly #open: PostgresEngine[] = [];
  #token = 10;

  private constructor(server: PostgresServer, url: string) {
    this.server = server;
    this.target = {
      engine: "postgres",
      url: readAddress(url).address.url,
      databaseId: randomUUID(),
      origin: "ledger.example/test",
      incarnation: randomUUID(),
    };
    this.engine = this.newEngine();
  }

  /** A new database with what `ddl` makes; the own tables are installed. */
  static async create(server: PostgresServer, ddl = ""): Promise<ManagedPostgres> {
    await loadParser();
    const url = await server.createDatabase();
    if (ddl !== "") await server.query(ddl, url);
    const managed = new ManagedPostgres(server, url);
    await managed.engine.install(1);
    return managed;
  }

  /** An engine of another session. */
  newEngine(faults: Faults = () => {}, target: Partial<DatabaseTarget> = {}): PostgresEngine {
    const host = {
      onProgress: (progress: Progress) => void this.progress.push(progress),
      onTablesSaved: () => Promise.resolve(),
    };
    const engine = new PostgresEngine({ ...this.target, ...target }, host, { faults });
    this.#open.push(engine);
    return engine;
  }

  async close(): Promise<void> {
    for (const engine of this.#open) await engine.close();
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
      lockTimeoutMs: 2000,
      tableBackup: null,
      ...more,
    };
  }

  async apply(sql: string, more: Partial<StepRequest> = {}): Promise<StepResult> {
    return applyOne(this.engine, await this.request(sql, more));
  }

  /** Runs one statement on a foreign connection, as the application would. */
  async rows(sql: string): Promise<readonly unknown[][]> {
    const { rows, fields } = await this.server.query(sql, this.target.url);
    return rows.map((row: { readonly [name: string]: unknown }) =>
      fields.map(({ name }) => row[name]),
    );
  }

  /** One value, read by a foreign connection. */
  async value(sql: string): Promise<unknown> {
    return (await this.rows(sql))[0]?.[0];
  }
}
