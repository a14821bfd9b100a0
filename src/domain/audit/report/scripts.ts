import type { EventScan } from "../event-scan.ts";
import type { Recorded } from "../event-handlers.ts";
import { databaseIdOf } from "../../events.ts";
import type { PlannedStep } from "../../migration/events.ts";
import type { Evidence, PlannedScript } from "./change.ts";

interface Registration extends Evidence {
  readonly checksum: string;
  readonly up: string;
  readonly down: string | null;
  readonly verify: string | null;
}

/** The migrations that were registered up to a point: what a plan's versions stood for. */
export class Scripts {
  /** By database and version, in order: a version can be withdrawn and registered anew. */
  readonly #registered = new Map<string, Registration[]>();

  /** Reads every registration up to the event `last`. */
  static async read(scan: EventScan, last: number): Promise<Scripts> {
    const scripts = new Scripts();
    const types = ["MigrationRegistered"] as const;
    for await (const events of scan.chunks({ first: 0, last }, { types }))
      for (const event of events) scripts.#add(event as Recorded<"MigrationRegistered">);
    return scripts;
  }

  /** What a planned step runs, as it was registered when the run was requested. */
  planned(databaseId: string, step: PlannedStep, requestedAt: number): PlannedScript {
    const known = (this.#registered.get(`${databaseId} ${step.version}`) ?? []).findLast(
      ({ index, checksum }) => index < requestedAt && checksum === step.checksum,
    );
    if (known === undefined)
      return { ...step, registered: null, up: null, down: null, verify: null };
    const { index, time, actor, up, down, verify } = known;
    return { ...step, registered: { index, time, actor }, up, down, verify };
  }

  #add({ index, time, actor, stream, data }: Recorded<"MigrationRegistered">): void {
    const { version, checksum, up, down = null, verify = null } = data;
    const key = `${databaseIdOf(stream)} ${version}`;
    const list = this.#registered.get(key) ?? [];
    list.push({ index, time, actor: actor.id, checksum, up, down, verify });
    this.#registered.set(key, list);
  }
}
