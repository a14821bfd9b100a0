import type { EngineName } from "../../domain/database/events.ts";
import type { MigrationInput } from "../../domain/migration/migration.ts";
import type {
  DatabaseView,
  Desk,
  MigrationView,
  RunSignal,
  RunToStart,
  RunView,
} from "../../library/desk.ts";
import { WAITING } from "../../library/desk.ts";
import type { Client } from "./client.ts";
import { hearNews } from "./news.ts";

/** What one request may carry: half of what the service takes, and at most its number. */
const BATCH = { count: 1000, bytes: 16 << 20 };

interface Page<T> {
  readonly items: readonly T[];
}

interface Schema {
  readonly objects: readonly object[];
}

/** A running service, through its REST interface. */
export class HttpDesk implements Desk {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async databases(): Promise<readonly DatabaseView[]> {
    return (await this.#client.get<Page<DatabaseView>>("/v1/databases")).items;
  }

  register(name: string, engine: EngineName, url: string): Promise<DatabaseView> {
    return this.#client.post("/v1/databases", { name, engine, url, create: true });
  }

  async migrations(database: string): Promise<readonly MigrationView[]> {
    return (await this.#client.get<Page<MigrationView>>(pathOf(database, "migrations"))).items;
  }

  async isEmpty(database: string): Promise<boolean> {
    const { objects } = await this.#client.get<Schema>(pathOf(database, "schema"));
    return objects.length === 0;
  }

  async registerMigrations(database: string, migrations: readonly MigrationInput[]): Promise<void> {
    for (const batch of batches(migrations))
      await this.#client.post(pathOf(database, "migrations"), { migrations: batch });
  }

  async withdraw(database: string, version: string, reason: string): Promise<void> {
    const migration = `migrations/${encodeURIComponent(version)}`;
    await this.#client.post(pathOf(database, `${migration}/withdrawals`), { reason });
  }

  startRun(database: string, run: RunToStart): Promise<RunView> {
    return this.#client.post(pathOf(database, "runs"), run);
  }

  /** The stream may break; the run is then looked at until it has ended. */
  async follow(runId: string, hear: (signal: RunSignal) => void): Promise<RunView> {
    const path = `/v1/runs/${runId}`;
    let run = await this.#client.get<RunView>(path);
    if (isOpen(run)) {
      await hearNews(this.#client, path, hear);
      run = await this.#client.get<RunView>(path);
    }
    // Not of one that waits for people or its time: the service would hold that answer to the end.
    while (isOpen(run)) run = await this.#client.get<RunView>(path, { wait: 30 });
    return run;
  }

  async cancel(runId: string, reason: string): Promise<void> {
    await this.#client.post(`/v1/runs/${runId}/cancel`, { reason });
  }
}

const isOpen = ({ status }: RunView): boolean =>
  (status === "queued" || status === "running") && !WAITING.has(status);

const pathOf = (database: string, rest: string): string =>
  `/v1/databases/${encodeURIComponent(database)}/${rest}`;

function* batches(migrations: readonly MigrationInput[]): Generator<readonly MigrationInput[]> {
  let [batch, bytes]: [MigrationInput[], number] = [[], 0];
  for (const migration of migrations) {
    const size = Buffer.byteLength(JSON.stringify(migration));
    if (batch.length > 0 && (batch.length === BATCH.count || bytes + size > BATCH.bytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(migration);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
