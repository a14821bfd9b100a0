import { databaseIdOf, SERVICE_STREAM, type DomainEvent, type RecordedEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { DomainError, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Projection } from "../state/projection.ts";
import type { AlertMessage, Notifier } from "./notifier.ts";
import { retryAfter, type RetryPace } from "./retry.ts";
import type { AlertTargetState, QueuedAlert } from "./target-state.ts";

export interface DispatcherParts {
  readonly ledger: Ledger;
  readonly projection: Projection;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly pace: RetryPace;
  readonly report: (error: unknown) => void;
}

/** After a failure of our own, ms. */
const AGAIN_MS = 5_000;
/** How long the end of the process waits for what is on its way, ms. */
const STOP_GRACE_MS = 2_000;
const REST_MS = 5;

/**
 * Sends what the queues hold, each target's in order and one at a time, and records what became of
 * it. What dies on its way is still in the queue at the next start and is sent under the same id:
 * where the receiver had taken it already, it gets it twice and can tell by the id.
 */
export class AlertDispatcher {
  readonly #parts: DispatcherParts;
  readonly #working = new Set<string>();
  readonly #sending = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Returns the function that ends it. */
  start(context: Context): () => Promise<void> {
    const { projection, notifier, clock } = this.#parts;
    const unfollow = projection.onChange(() => this.#wake(context));
    this.#wake(context);
    return async () => {
      // What was raised last gets its one attempt.
      await Promise.race([this.#atRest(), clock.sleep(STOP_GRACE_MS)]);
      this.#stopped = true;
      unfollow();
      notifier.close();
      await Promise.all(this.#sending);
    };
  }

  /** Resolves when nothing is on its way and nothing is due. */
  async #atRest(): Promise<void> {
    const { projection, clock } = this.#parts;
    const isDue = ({ queue }: AlertTargetState): boolean =>
      queue[0] !== undefined && this.#untilDue(queue[0]) <= 0;
    while (!this.#stopped && [...projection.state.alertTargets.values()].some(isDue))
      await Promise.all([...this.#sending, clock.sleep(REST_MS)]);
  }

  #wake(context: Context): void {
    const { alertTargets } = this.#parts.projection.state;
    if (alertTargets.size === 0 || this.#stopped) return;
    for (const { id, queue } of alertTargets.values())
      if (queue.length > 0 && !this.#working.has(id)) {
        this.#working.add(id);
        void this.#serve(id, context);
      }
  }

  async #serve(id: string, context: Context): Promise<void> {
    try {
      await this.#work(id, context);
    } catch (error) {
      if (this.#stopped) return;
      this.#parts.report(error);
      await this.#parts.clock.sleep(AGAIN_MS);
    }
    this.#working.delete(id);
    // Something may have come in the very moment in which the queue was found empty.
    this.#wake(context);
  }

  async #work(id: string, context: Context): Promise<void> {
    for (;;) {
      const target = this.#parts.projection.state.alertTargets.get(id);
      const next = target?.queue[0];
      if (target === undefined || next === undefined || this.#stopped) return;
      const ms = this.#untilDue(next);
      if (ms > 0) await this.#pause(id, next, ms);
      else await this.#held(this.#attempt(target, next, context));
    }
  }

  /** Until it is time, or something else comes first. */
  async #pause(id: string, { alert, retryAt }: QueuedAlert, ms: number): Promise<void> {
    const { projection } = this.#parts;
    const isAnother = (): boolean => {
      const head = projection.state.alertTargets.get(id)?.queue[0];
      return head?.alert !== alert || head.retryAt !== retryAt;
    };
    await projection.until(isAnother, ms);
  }

  #untilDue({ retryAt }: QueuedAlert): number {
    const ms = retryAt === null ? 0 : Date.parse(retryAt) - Date.parse(this.#parts.clock.now());
    // A clock that was set back must not keep anybody waiting longer.
    return Math.min(ms, this.#parts.pace.mostMs);
  }

  async #held(work: Promise<void>): Promise<void> {
    this.#sending.add(work);
    try {
      await work;
    } finally {
      this.#sending.delete(work);
    }
  }

  async #attempt(target: AlertTargetState, next: QueuedAlert, context: Context): Promise<void> {
    const { notifier, clock } = this.#parts;
    const message = await this.#message(next.alert);
    const began = clock.elapsed();
    let failure: unknown;
    try {
      await notifier.send(target, message);
    } catch (error) {
      // Broken off: whether it arrived is not known, so nothing is said.
      if (this.#stopped) return;
      failure = error;
    }
    const durationMs = Math.round(clock.elapsed() - began);
    const { alert, alertId } = next;
    const attempt = next.attempts + 1;
    const what = { targetId: target.id, alert, alertId, attempt, durationMs };
    await this.#record(
      failure === undefined
        ? { type: "AlertDelivered", data: what }
        : {
            type: "AlertDeliveryFailed",
            data: { ...what, error: failureOf(failure), ...this.#retry(next, attempt, failure) },
          },
      context,
    );
  }

  #retry({ since }: QueuedAlert, attempt: number, failure: unknown): { readonly retryAt?: string } {
    const { pace, clock, ids } = this.#parts;
    const details = failure instanceof DomainError ? failure.details : {};
    if (details["final"] === true) return {};
    const asked = details["retryAfterMs"];
    const chance = ids.random(1)[0]! / 255;
    const ms = retryAfter(pace, attempt, chance, typeof asked === "number" ? asked : 0);
    const at = Date.parse(clock.now()) + ms;
    if (at - Date.parse(since) > pace.giveUpMs) return {};
    return { retryAt: new Date(at).toISOString() };
  }

  /** It was sent: only that is missing, and is tried until it is on record or the process ends. */
  async #record(event: DomainEvent, context: Context): Promise<void> {
    const { ledger, clock, report, ids } = this.#parts;
    for (;;) {
      try {
        await ledger.append({
          stream: SERVICE_STREAM,
          expected: "any",
          events: [event],
          context: { ...context, requestId: ids.uuid() },
        });
        return;
      } catch (error) {
        if (this.#stopped) return;
        report(error);
        await clock.sleep(AGAIN_MS);
      }
    }
  }

  async #message(index: number): Promise<AlertMessage> {
    const { ledger, projection } = this.#parts;
    const [event] = await ledger.read({ after: index - 1, limit: 1, order: "asc" });
    if (event?.type !== "AlertRaised" && event?.type !== "AlertResolved")
      throw new DomainError("internal", `Event ${index} is no alert`);
    return messageOf(event, ledger.origin, (id) => projection.state.databases.get(id)?.name);
  }
}

function messageOf(
  event: RecordedEvent & { readonly type: "AlertRaised" | "AlertResolved" },
  origin: string,
  nameOf: (databaseId: string) => string | undefined,
): AlertMessage {
  const databaseId = databaseIdOf(event.stream);
  return {
    id: event.id,
    time: event.time,
    index: event.index,
    origin,
    database: databaseId === undefined ? null : (nameOf(databaseId) ?? databaseId),
    alert: event.data,
    ...(event.type === "AlertResolved" ? { over: { since: event.data.since } } : {}),
  };
}
