import type { RecordedEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Projection } from "../state/projection.ts";
import type { PruneService } from "./prune-service.ts";

/** Prunes after each run that succeeded, where the policy says so. */
export class Cleanup {
  readonly #projection: Projection;
  readonly #prunes: PruneService;
  readonly #report: (error: unknown) => void;

  constructor(projection: Projection, prunes: PruneService, report: (error: unknown) => void) {
    this.#projection = projection;
    this.#prunes = prunes;
    this.#report = report;
  }

  /** Returns the function that ends it. */
  start(context: Context): () => void {
    return this.#projection.onChange((events) => {
      for (const event of events)
        if (event.type === "RunCompleted") this.#after(event, context).catch(this.#report);
    });
  }

  async #after(
    { data: { runId } }: RecordedEvent & { readonly type: "RunCompleted" },
    context: Context,
  ): Promise<void> {
    const run = await this.#projection.find("runs", runId);
    const database = this.#projection.state.databases.get(run?.databaseId ?? "");
    if (database?.policy.retention?.cleanupAfterSuccess !== true) return;
    const idle = this.#prunes.plan(database.name).every(({ pruned }) => pruned === null);
    if (idle) return;
    const reason = `Cleanup after run ${runId}`;
    await this.#prunes.request(database.name, { reason, runId }, context);
  }
}
