import {
  openEmbedded,
  openReadOnly,
  type Embedded,
  type EmbeddedOptions,
} from "../api/embedded.ts";
import type { BackupStoreSetting } from "../api/s3-config.ts";
import { DomainError } from "../domain/shared/errors.ts";
import { LocalDesk } from "./local-desk.ts";
import { migrate, type Migrated, type MigrateOrder } from "./migrate.ts";
import { realPath, wantedDatabase } from "./database-name.ts";
import { databaseRegisteredAs, nothingToDo } from "./nothing-to-do.ts";

/** A data directory of this machine. Nothing stays open between calls. */
export class LocalLedger {
  readonly #data: string;
  readonly #backups: BackupStoreSetting | undefined;

  constructor(data: string, backups?: BackupStoreSetting) {
    this.#data = data;
    this.#backups = backups;
  }

  /** First without the directory's lock: at most starts there is nothing to do. */
  async migrate(order: MigrateOrder, options: EmbeddedOptions): Promise<Migrated> {
    const done = await this.#glance(options, (embedded) => nothingToDo(embedded, order));
    if (done !== undefined) return done;
    return this.working(options, async (embedded) => {
      const isShipped = await this.#begin(embedded, order);
      return migrate(new LocalDesk(embedded), embedded.services.digest, { ...order, isShipped });
    });
  }

  /** Makes a new database from the file that the migrations ship, if they do. */
  async #begin(embedded: Embedded, { database, set }: MigrateOrder): Promise<boolean> {
    const shipped = set.migrations.find((one) => one.shipped !== undefined)?.shipped;
    const wanted = wantedDatabase(database);
    if (shipped === undefined || !("path" in wanted)) return false;
    if (databaseRegisteredAs(embedded, database) !== undefined) return false;
    const { beginsAsShipped } = await import("../infra/migration-files/shipped-database.ts");
    return beginsAsShipped(shipped, realPath(wanted.path));
  }

  /** Beside whoever has the directory. Errors: those of `openReadOnly`. */
  async reading<T>(options: EmbeddedOptions, use: (embedded: Embedded) => Promise<T>): Promise<T> {
    return closing(await openReadOnly(this.#config, options), use);
  }

  /** As its only process; waits for others as the options say. */
  async working<T>(options: EmbeddedOptions, use: (embedded: Embedded) => Promise<T>): Promise<T> {
    return closing(await openEmbedded(this.#config, options), use);
  }

  /** Undefined where there is no ledger yet, or it cannot be read just now. */
  async #glance<T>(
    options: EmbeddedOptions,
    use: (embedded: Embedded) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    let embedded: Embedded;
    try {
      embedded = await openReadOnly(this.#config, options);
    } catch (error) {
      // Whatever is wrong is found again, and told, by the opening for work.
      if (error instanceof DomainError) return undefined;
      throw error;
    }
    return closing(embedded, use);
  }

  /** The process's own rights decide which files it can open, and what code may do. */
  get #config() {
    const backups = this.#backups === undefined ? {} : { backupStore: this.#backups };
    return { data: this.#data, roots: ["/"], allowCode: true, ...backups };
  }
}

async function closing<T>(embedded: Embedded, use: (embedded: Embedded) => Promise<T>): Promise<T> {
  try {
    return await use(embedded);
  } finally {
    await embedded.close();
  }
}
