import type { Embedded } from "../api/embedded.ts";
import type { EngineName } from "../domain/database/events.ts";
import type { MigrationInput } from "../domain/migration/migration.ts";
import {
  WAITING,
  type DatabaseView,
  type Desk,
  type MigrationView,
  type RunSignal,
  type RunToStart,
  type RunView,
} from "./desk.ts";

/** The services in this process. */
export class LocalDesk implements Desk {
  readonly #embedded: Embedded;

  constructor(embedded: Embedded) {
    this.#embedded = embedded;
  }

  async databases(): Promise<readonly DatabaseView[]> {
    const { services, views } = this.#embedded;
    return services.databases.list().map((database) => views.database(database) as DatabaseView);
  }

  async register(name: string, engine: EngineName, url: string): Promise<DatabaseView> {
    const { services, views, context } = this.#embedded;
    const input = { name, engine, url, create: true };
    return views.database(await services.databases.register(input, context())) as DatabaseView;
  }

  async migrations(database: string): Promise<readonly MigrationView[]> {
    return this.#embedded.services.migrations.list(database);
  }

  async isEmpty(database: string): Promise<boolean> {
    return this.#embedded.services.databases.find(database).schema.length === 0;
  }

  async registerMigrations(database: string, migrations: readonly MigrationInput[]): Promise<void> {
    const { services, context } = this.#embedded;
    await services.migrations.register(database, migrations, { context: context() });
  }

  async withdraw(database: string, version: string, reason: string): Promise<void> {
    const { services, context } = this.#embedded;
    await services.migrations.withdraw(database, version, reason, context());
  }

  async startRun(database: string, run: RunToStart): Promise<RunView> {
    const { services, views, context } = this.#embedded;
    return views.run(await services.runs.request(database, run, context())) as RunView;
  }

  async follow(runId: string, hear: (signal: RunSignal) => void): Promise<RunView> {
    const { services, views } = this.#embedded;
    const run = await services.runs.find(runId);
    const stopProgress = services.progress.subscribe(runId, (progress) =>
      hear({ kind: "progress", progress }),
    );
    return await new Promise((resolve) => {
      const settle = (): void => {
        const view = views.run(run) as RunView;
        if (run.ended === null && !WAITING.has(view.status)) return;
        stopProgress();
        stopEvents();
        resolve(view);
      };
      const stopEvents = services.projection.onChange((events) => {
        for (const { correlation, type, data } of events)
          if (correlation === runId) hear({ kind: "event", type, data: { ...data } });
        settle();
      });
      settle();
    });
  }

  async cancel(runId: string, reason: string): Promise<void> {
    const { services, context } = this.#embedded;
    await services.runs.cancel(runId, reason, context());
  }
}
