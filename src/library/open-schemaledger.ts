import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { EmbeddedOptions } from "../api/embedded.ts";
import { backupStoreOf, type BackupStoreSetting } from "../api/s3-config.ts";
import type { MigrationInput } from "../domain/migration/migration.ts";
import type { MigrationSet } from "../domain/migration/migration-source.ts";
import { compareMigrations } from "../domain/migration/migration-order.ts";
import { DomainError, InvalidInput, NotFound } from "../domain/shared/errors.ts";
import { FolderMigrationSource } from "../infra/migration-files/folder-migration-source.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import type { DatabaseView, RunView } from "./desk.ts";
import { LocalDesk } from "./local-desk.ts";
import { LocalLedger } from "./local-ledger.ts";
import { databaseOf, succeeded, type Migrated, type MigrateNews } from "./migrate.ts";
import { databaseRegisteredAs } from "./nothing-to-do.ts";

export interface OpenOptions {
  /** The data directory: ledger, backups, keys. Made if it is missing. */
  readonly data: string;
  /** Who acts, where a call does not say it. Recorded as a pseudonym; default: the application. */
  readonly actor?: string;
  /**
   * What to do while another process works on the directory: wait that long, in ms (default
   * 5 minutes), or with 0 fail at once with `data-directory-in-use`.
   */
  readonly waitMs?: number;
  /** A bucket for backups, in place of the data directory. Default: as when it was said last. */
  readonly backups?: LibraryBackups;
  /** Told of faults that no call is waiting for. Default: lines on stderr. */
  readonly onFault?: (message: string, error: unknown) => void;
}

/** A bucket, as the flags of a service say it. */
export interface LibraryBackups {
  /** `s3://bucket/prefix`, or `local` for the data directory again. */
  readonly url: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle?: boolean;
  /** File with access keys. Default: where programs for AWS look. */
  readonly credentialsFile?: string;
  /** `governance:DAYS` or `compliance:DAYS`. */
  readonly objectLock?: string;
}

export interface MigrateRequest {
  /** The path of the database file, made if it is missing; or a registered name. */
  readonly database: string;
  /** A folder of migration files, or the migrations themselves. */
  readonly migrations: string | URL | readonly MigrationInput[];
  readonly actor?: string;
  readonly reason?: string;
  readonly ticket?: string;
  /** The version to stop at. Default: the newest. */
  readonly to?: string;
  /** Cancels: a step in progress is rolled back, and the call rejects with `run-cancelled`. */
  readonly signal?: AbortSignal;
  /** Hears of everything while it happens. */
  readonly onNews?: (news: MigrateNews) => void;
}

export interface RollBackRequest {
  readonly database: string;
  /** An applied version, or `0` for the state before every migration. */
  readonly to: string;
  readonly reason: string;
  readonly actor?: string;
}

/** A ledger in a data directory, for an application that migrates its own databases. */
export interface Schemaledger {
  /**
   * Brings the database to the newest version: registers it and the migrations, backs up, rehearses
   * on the restored backup, applies step by step. Of several processes that call it at once one
   * migrates, the others wait and find nothing to do. Rejects with a `SchemaledgerError` whose
   * `code` is stable; `details.run` tells what was done until then.
   */
  migrate(request: MigrateRequest): Promise<Migrated>;
  /** The database as the ledger knows it; undefined if it was never registered. */
  status(database: string): Promise<DatabaseView | undefined>;
  /** Undoes every applied version above `to` (`0`: all), by down scripts or by restoring a backup. */
  rollBack(request: RollBackRequest): Promise<RunView>;
}

/** An error with a stable `code`, a `hint` where one exists, and `details`. */
export { DomainError as SchemaledgerError };
export type { Migrated, MigrateNews, MigrationInput, DatabaseView, RunView };

const WAIT_MS = 5 * 60_000;

/**
 * The library: everything the service does, inside this process, on a data directory. Nothing stays
 * open between calls, so any number of processes may share a directory.
 */
export async function openSchemaledger(options: OpenOptions): Promise<Schemaledger> {
  if (typeof options.data !== "string" || options.data === "")
    throw new InvalidInput("config-invalid", "data must name the data directory", {
      hint: 'Call openSchemaledger({ data: "./schemaledger-data" })',
    });
  return new LocalSchemaledger({ ...options, data: resolve(options.data) });
}

class LocalSchemaledger implements Schemaledger {
  readonly #options: OpenOptions;
  readonly #ledger: LocalLedger;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.#ledger = new LocalLedger(options.data, storeOf(options.backups));
  }

  async migrate(request: MigrateRequest): Promise<Migrated> {
    const { onNews: hear = () => {}, database, signal } = request;
    const set = await setOf(request.migrations);
    signal?.throwIfAborted();
    const order = { ...optional(request), database, set, hear };
    return this.#ledger.migrate(order, this.#as(request));
  }

  async status(database: string): Promise<DatabaseView | undefined> {
    try {
      return await this.#ledger.reading(this.#as({}), async (embedded) => {
        const found = databaseRegisteredAs(embedded, database);
        return found === undefined ? undefined : (embedded.views.database(found) as DatabaseView);
      });
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }

  async rollBack(request: RollBackRequest): Promise<RunView> {
    const { database, to, reason } = request;
    return this.#ledger.working(this.#as(request), async (embedded) => {
      const desk = new LocalDesk(embedded);
      const { name } = await databaseOf(desk, { database, hear: () => {} });
      const { services, context } = embedded;
      const { id } = await services.runs.rollBack(name, { to, reason }, context());
      return succeeded(await desk.follow(id, () => {}));
    });
  }

  #as(who: { readonly actor?: string; readonly signal?: AbortSignal }): EmbeddedOptions {
    const { actor = "application", waitMs = WAIT_MS, onFault = toStderr } = this.#options;
    const { signal } = who;
    return {
      actor: { name: who.actor ?? actor, kind: "service" },
      program: `schemaledger-library/${TOOL_VERSION}`,
      log: ({ level, message, ...more }) => {
        if (level === "error") onFault(message, more);
      },
      waiting: { timeoutMs: waitMs, ...(signal === undefined ? {} : { signal }) },
    };
  }
}

/** Error: InvalidInput config-invalid. */
function storeOf(backups: LibraryBackups | undefined): BackupStoreSetting | undefined {
  if (backups === undefined) return undefined;
  const { url, endpoint, region, pathStyle, credentialsFile, objectLock } = backups;
  const said = {
    backups: url,
    s3Endpoint: endpoint,
    s3Region: region,
    s3PathStyle: pathStyle,
    s3Credentials: credentialsFile,
    s3ObjectLock: objectLock,
  };
  return backupStoreOf(said, (flag, why) => {
    const member = MEMBERS.get(flag) ?? "url";
    return new InvalidInput("config-invalid", `backups.${member}: ${why}`, {
      hint: "docs/reference/library.md says what it may be",
    });
  });
}

const MEMBERS: ReadonlyMap<string, keyof LibraryBackups> = new Map([
  ["--s3-endpoint", "endpoint"],
  ["--s3-region", "region"],
  ["--s3-path-style", "pathStyle"],
  ["--s3-credentials", "credentialsFile"],
  ["--s3-object-lock", "objectLock"],
]);

function optional({ to, reason, ticket, signal }: MigrateRequest) {
  return {
    ...(to === undefined ? {} : { to }),
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(signal === undefined ? {} : { signal }),
  };
}

async function setOf(migrations: MigrateRequest["migrations"]): Promise<MigrationSet> {
  if (typeof migrations === "string") return new FolderMigrationSource(migrations).read();
  if (migrations instanceof URL) return new FolderMigrationSource(fileURLToPath(migrations)).read();
  const inOrder = migrations.toSorted(compareMigrations);
  return {
    migrations: inOrder.map((migration) => Object.assign({ files: [] }, migration)),
    format: "given",
    because: "given by the application",
    unmatched: [],
  };
}

const toStderr = (message: string, error: unknown): void => {
  process.stderr.write(`schemaledger: ${message}: ${JSON.stringify(error)}\n`);
};
