import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { LedgerState, RunState } from "../state/state.ts";
import { admission } from "./admission.ts";
import type { Calendar } from "./calendar.ts";

export interface GateParts {
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly calendar: Calendar;
  readonly clock: Clock;
  /** Called with what nobody waits for. */
  readonly report: (error: unknown) => void;
}

/** How often waiting runs are looked at again: also when the clock was set, ms. */
const ROUND = 15_000;

/**
 * Lets a run begin when it has its approvals and its time has come. What it waits for is an event,
 * so that a run waits on after a restart as it did before.
 */
export class RunGate {
  readonly #parts: GateParts;
  #wake: () => void = () => {};
  #unfollow: () => void = () => {};
  #stopped = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** True: the run may begin now. Else records what it waits for, unless that is recorded already. */
  async admit(run: RunState, context: Context): Promise<boolean> {
    try {
      return await decide(() => this.#decide(run, context));
    } catch (error) {
      const moving = error instanceof Conflict && error.code === "expected-version-conflict";
      const stopping = error instanceof DomainError && error.code === "ledger-closed";
      if (!moving && !(stopping && this.#stopped)) throw error;
      // Others append without a pause: the next round decides.
      return false;
    }
  }

  async #decide(run: RunState, context: Context): Promise<boolean> {
    if (run.ended !== null || run.started !== null) return false;
    const { projection, clock, calendar } = this.#parts;
    const { policy } = projection.state.databases.get(run.databaseId)!;
    const decided = admission(run, policy, clock.now(), calendar, (keyId) =>
      isRevoked(projection.state, keyId),
    );
    switch (decided.kind) {
      case "begin":
        return true;
      case "approvals":
        await this.#record(run, context, ...ended(run.id, decided));
        return false;
      case "wait": {
        const { until: at, cause } = decided;
        const known = run.status === "scheduled" ? run.scheduled : null;
        if (known?.at === at && known.cause === cause) return false;
        await this.#record(run, context, {
          type: "RunScheduled",
          data: { runId: run.id, at, cause },
        });
        // The next round may have to come earlier than was thought.
        this.#wake();
        return false;
      }
    }
  }

  /** From here on waiting runs whose time comes are handed to `due`, until `stop`. */
  start(context: Context, due: (run: RunState, context: Context) => void): void {
    this.#unfollow = this.#parts.projection.onChange((events) => {
      if (events.some(({ type }) => type === "PolicyChanged" || type === "KeyRevoked"))
        this.#wake();
    });
    void this.#rounds(context, due).catch(this.#parts.report);
  }

  stop(): void {
    this.#stopped = true;
    this.#unfollow();
    this.#wake();
  }

  async #rounds(context: Context, due: (run: RunState, context: Context) => void): Promise<void> {
    while (!this.#stopped) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (const run of this.#waiting()) await this.#look(run, context, due);
      await Promise.race([woken, this.#parts.clock.sleep(this.#pause())]);
    }
  }

  async #look(
    run: RunState,
    context: Context,
    due: (run: RunState, context: Context) => void,
  ): Promise<void> {
    const own = onBehalf(context, run.id, run.id);
    try {
      if (await this.admit(run, own)) due(run, own);
    } catch (error) {
      // One run that cannot be decided on must not keep the others waiting.
      if (!this.#stopped) this.#parts.report(error);
    }
  }

  /** Queued ones too: whatever happened when its turn came, no run is forgotten. */
  #waiting(): RunState[] {
    const { databases, runs } = this.#parts.projection.state;
    return [...databases.values()]
      .flatMap(({ openRuns }) => [...openRuns].flatMap((id) => runs.get(id) ?? []))
      .filter(({ started }) => started === null);
  }

  #pause(): number {
    const now = Date.parse(this.#parts.clock.now());
    const times = this.#waiting().flatMap(({ scheduled }) =>
      scheduled === null ? [] : [Date.parse(scheduled.at) - now],
    );
    return Math.min(ROUND, ...times.filter((ms) => ms > 0));
  }

  /** Two that decide the same at once record it once. */
  async #record(run: RunState, context: Context, ...events: DomainEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { recorder, projection } = this.#parts;
    const { streamVersion } = projection.state.databases.get(run.databaseId)!;
    await recorder.record(run.databaseId, events, context, { expected: streamVersion });
  }
}

const isRevoked = ({ keys }: LedgerState, keyId: string): boolean =>
  (keys.get(keyId)?.revoked ?? null) !== null;

function ended(
  runId: string,
  {
    expired,
    revoked,
  }: { readonly expired: readonly number[]; readonly revoked: readonly number[] },
): DomainEvent[] {
  const events: DomainEvent[] = [];
  if (expired.length > 0)
    events.push({ type: "ApprovalExpired", data: { runId, approvals: expired } });
  if (revoked.length > 0)
    events.push({
      type: "ApprovalExpired",
      data: { runId, approvals: revoked, cause: "key-revoked" },
    });
  return events;
}
