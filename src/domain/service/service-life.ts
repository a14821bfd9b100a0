import { SERVICE_STREAM, type EventOf } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Ids } from "../shared/ids.ts";
import type { LedgerState } from "../state/state.ts";

export interface ServiceLifeParts {
  readonly ledger: Pick<Ledger, "append">;
  readonly projection: { readonly state: LedgerState };
  readonly clock: Clock;
  readonly ids: Ids;
}

/** What a service runs with. */
export interface RunsWith {
  readonly version: string;
  /** Digest of its settings. */
  readonly settings: string;
}

/** A start upon which nothing followed is not recorded again in this time: a service that dies at once, ms. */
const LOOP_MS = 60_000;

/** The start to record now; undefined: it is one of a loop, which has been recorded. */
export function startToRecord(
  { serving, size }: Pick<LedgerState, "serving" | "size">,
  now: string,
  runsWith: RunsWith,
): EventOf<"ServiceStarted"> | undefined {
  const { started, stopped } = serving;
  if (started === null) return startOf("first", runsWith);
  const isLast = started.index === size - 1;
  if (isLast && Date.parse(now) - Date.parse(started.time) < LOOP_MS) return undefined;
  return startOf(stopped ? "stop" : "crash", runsWith);
}

const startOf = (
  after: "first" | "stop" | "crash",
  { version, settings }: RunsWith,
): EventOf<"ServiceStarted"> => ({ type: "ServiceStarted", data: { version, settings, after } });

/** Records that a service has the ledger, and that it leaves it: without them a gap has no reason. */
export class ServiceLife {
  readonly #parts: ServiceLifeParts;
  #began = 0;

  constructor(parts: ServiceLifeParts) {
    this.#parts = parts;
  }

  async begin(runsWith: RunsWith, context: Context): Promise<void> {
    const { projection, clock } = this.#parts;
    this.#began = clock.elapsed();
    const start = startToRecord(projection.state, clock.now(), runsWith);
    if (start !== undefined) await this.#record(start, context);
  }

  /** Call it when nothing else is to be recorded. */
  end(context: Context): Promise<void> {
    const seconds = Math.round((this.#parts.clock.elapsed() - this.#began) / 1000);
    return this.#record({ type: "ServiceStopped", data: { seconds } }, context);
  }

  async #record(
    event: EventOf<"ServiceStarted"> | EventOf<"ServiceStopped">,
    context: Context,
  ): Promise<void> {
    const { ledger, ids } = this.#parts;
    await ledger.append({
      stream: SERVICE_STREAM,
      expected: "any",
      events: [event],
      context: { ...context, requestId: ids.uuid() },
    });
  }
}
