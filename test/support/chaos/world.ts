import Database from "better-sqlite3";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../../src/api/config.ts";
import { startService, type ServiceOptions } from "../../../src/api/service.ts";
import type { LogRecord } from "../../../src/infra/telemetry/logger.ts";
import type { Mode } from "../managed-database.ts";
import { Api } from "./api.ts";
import { ServiceChild } from "./service-child.ts";
import type { CrashOrder } from "./crash-service.ts";
import { FOUNDATION, MIGRATIONS } from "./story.ts";

/** A service in this process. */
export interface LocalService {
  readonly api: Api;
  /** What it logged, but for each single request. */
  readonly log: readonly LogRecord[];
  readonly close: () => Promise<void>;
}

/** A data directory with one registered database `app`, versions 1 and 2 applied, 3 to 5 pending. */
export class World {
  readonly mode: Mode;
  /** The database's content cannot be foretold in every test: then only its soundness is checked. */
  readonly root: string;
  readonly #base: string;
  readonly #children = new Set<ServiceChild>();
  readonly #services = new Set<LocalService>();

  private constructor(mode: Mode) {
    this.mode = mode;
    this.#base = mkdtempSync(join(tmpdir(), "schemaledger-chaos-"));
    this.root = join(this.#base, "present");
  }

  static async create(mode: Mode): Promise<World> {
    const world = new World(mode);
    const template = world.#template;
    cpSync(world.#empty(), world.root, { recursive: true });
    const service = await world.serve();
    const { api } = service;
    await api.need(
      api.post("/v1/databases", { name: "app", engine: "sqlite", url: world.database }),
    );
    await api.need(api.post("/v1/databases/app/migrations", { migrations: MIGRATIONS }));
    for (const to of ["1", "2"]) await api.run("app", { to });
    await service.close();
    cpSync(world.root, template, { recursive: true });
    return world;
  }

  get data(): string {
    return join(this.root, "data");
  }

  /** The database file. */
  get database(): string {
    return join(this.root, "app.db");
  }

  get #template(): string {
    return join(this.#base, "template");
  }

  /** Everything as it was when the world was made. */
  async reset(): Promise<void> {
    await this.#end();
    rmSync(this.root, { recursive: true, force: true });
    cpSync(this.#template, this.root, { recursive: true });
  }

  /** A service in a process of its own. */
  async spawn(
    order: Omit<CrashOrder, "data" | "root"> & { readonly data?: string } = {},
    prefix: readonly string[] = [],
  ): Promise<ServiceChild> {
    const child = await ServiceChild.start({ data: this.data, root: this.root, ...order }, prefix);
    this.#children.add(child);
    return child;
  }

  /** A service in this process. */
  async serve(options: ServiceOptions = {}, data = this.data): Promise<LocalService> {
    const log: LogRecord[] = [];
    const service = await startService(
      readConfig({ data, host: "127.0.0.1", port: 0, roots: [this.root], auditReads: "exports" }),
      {
        log: (record) => {
          if (record.level !== "debug") log.push(record);
        },
        executor: { spare: 0 },
        ledgerBackupDelayMs: null,
        ...options,
      },
    );
    const token = readFileSync(service.adminKeyFile, "utf8").trim();
    const local: LocalService = {
      api: new Api(service.url, token),
      log,
      close: async () => {
        this.#services.delete(local);
        await service.close();
      },
    };
    this.#services.add(local);
    return local;
  }

  /** Runs `use` on a foreign connection, as the application would. */
  foreign<T>(use: (db: Database.Database) => T): T {
    const db = new Database(this.database, { timeout: 1000 });
    try {
      return use(db);
    } finally {
      db.close();
    }
  }

  /** A second data directory with the ledger as it is now, also of a service that runs. */
  async clone(): Promise<string> {
    const copy = join(this.root, "clone");
    cpSync(this.data, copy, {
      recursive: true,
      // The lock belongs to the process that holds it, and must not be opened by another.
      filter: (path) => !/(ledger\.db(-wal|-shm)?|service\.lock.*)$/.test(path),
    });
    const ledger = new Database(join(this.data, "ledger.db"), { readonly: true });
    await ledger.backup(join(copy, "ledger.db"));
    ledger.close();
    return copy;
  }

  async remove(): Promise<void> {
    await this.#end();
    rmSync(this.#base, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    for (const child of this.#children) {
      for (const pid of child.executors()) process.kill(pid, "SIGKILL");
      await child.kill();
    }
    this.#children.clear();
    for (const service of this.#services) await service.close();
  }

  #empty(): string {
    const directory = join(this.#base, "empty");
    const seed = mkdtempSync(`${directory}-`);
    const db = new Database(join(seed, "app.db"));
    db.pragma(`journal_mode = ${this.mode}`);
    db.exec(FOUNDATION);
    db.close();
    return seed;
  }
}
