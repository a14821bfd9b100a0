import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import { decide, onBehalf, type Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { LedgerState, RestoreState, RunState } from "../state/state.ts";
import { isPatient, type Undertaking } from "../state/undertaking.ts";
import { admission, type Missing } from "./admission.ts";
import type { Calendar } from "./calendar.ts";
import type { WaitCause } from "./events.ts";
import { concerning } from "./words.ts";

export interface GateParts {
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly calendar: Calendar;
  readonly clock: Clock;
  /** Called with what nobody waits for. */
  readonly report: (error: unknown) => void;
}

/** How often what waits is looked at again: also when the clock was set, ms. */
const ROUND = 15_000;

/** What begins by itself once it may. */
export type Waiting = RunState | RestoreState;
/** Who takes up what may begin. */
export interface Takers {
  readonly run: (run: RunState, context: Context) => void;
  readonly restore: (restore: RestoreState, context: Context) => void;
}

/**
 * Lets a run or a restore begin when it has its approvals and its time has come. What it waits for is
 * an event, so that it waits on after a restart as it did before.
 */
export class Gate {
  readonly #parts: GateParts;
  #wake: () => void = () => {};
  #unfollow: () => void = () => {};
  #stopped = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** True: it may begin now. Else records what it waits for, unless that is recorded already. */
  async admit(one: Waiting, context: Context): Promise<boolean> {
    try {
      return await decide(() => this.#decide(one, context));
    } catch (error) {
      const moving = error instanceof Conflict && error.code === "expected-version-conflict";
      const stopping = error instanceof DomainError && error.code === "ledger-closed";
      if (!moving && !(stopping && this.#stopped)) throw error;
      // Others append without a pause: the next round decides.
      return false;
    }
  }

  async #decide(one: Waiting, context: Context): Promise<boolean> {
    if (one.ended !== null || one.started !== null) return false;
    const { projection, clock, calendar } = this.#parts;
    const { policy } = projection.state.databases.get(one.databaseId)!;
    const decided = admission(one, policy, clock.now(), calendar, (keyId) =>
      isRevoked(projection.state, keyId),
    );
    switch (decided.kind) {
      case "begin":
        return true;
      case "approvals":
        await this.#record(one, context, ...lapsed(one, decided));
        return false;
      case "wait": {
        const { until: at, cause } = decided;
        const known = one.status === "scheduled" ? one.scheduled : null;
        if (known?.at === at && known.cause === cause) return false;
        await this.#record(one, context, scheduled(one, { at, cause }));
        // The next round may have to come earlier than was thought.
        this.#wake();
        return false;
      }
    }
  }

  /** From here on what waits and whose time comes is handed on, until `stop`. */
  start(context: Context, takers: Takers): void {
    this.#unfollow = this.#parts.projection.onChange((events) => {
      if (events.some(({ type }) => type === "PolicyChanged" || type === "KeyRevoked"))
        this.#wake();
    });
    void this.#rounds(context, takers).catch(this.#parts.report);
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    this.#unfollow();
    this.#wake();
  }

  async #rounds(context: Context, takers: Takers): Promise<void> {
    while (!this.#stopped) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (const one of this.#waiting()) await this.#look(one, context, takers);
      await Promise.race([woken, this.#parts.clock.sleep(this.#pause())]);
    }
  }

  async #look(one: Waiting, context: Context, takers: Takers): Promise<void> {
    const own = onBehalf(context, one.id, one.id);
    try {
      if (!(await this.admit(one, own))) return;
      if (one.what === "run") takers.run(one, own);
      else takers.restore(one, own);
    } catch (error) {
      // One that cannot be decided on must not keep the others waiting.
      if (!this.#stopped) this.#parts.report(error);
    }
  }

  /** Queued runs too: whatever happened when its turn came, none is forgotten. */
  #waiting(): Waiting[] {
    const { databases, runs, restores } = this.#parts.projection.state;
    const open: Waiting[] = [];
    for (const { openRuns, openRestores } of databases.values()) {
      for (const id of openRuns) {
        const run = runs.get(id);
        if (run !== undefined) open.push(run);
      }
      for (const id of openRestores) {
        const restore = restores.get(id);
        if (restore !== undefined && isPatient(restore)) open.push(restore);
      }
    }
    return open.filter(({ started }) => started === null);
  }

  #pause(): number {
    const now = Date.parse(this.#parts.clock.now());
    const times = this.#waiting().flatMap(({ scheduled }) =>
      scheduled === null ? [] : [Date.parse(scheduled.at) - now],
    );
    return Math.min(ROUND, ...times.filter((ms) => ms > 0));
  }

  /** Two that decide the same at once record it once. */
  async #record(one: Waiting, context: Context, ...events: DomainEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { recorder, projection } = this.#parts;
    const { streamVersion } = projection.state.databases.get(one.databaseId)!;
    await recorder.record(one.databaseId, events, context, { expected: streamVersion });
  }
}

/** Whether a key counts for nothing any more. */
export const isRevoked = ({ keys }: LedgerState, keyId: string): boolean =>
  (keys.get(keyId)?.revoked ?? null) !== null;

const scheduled = (
  { what, id }: Waiting,
  wait: { readonly at: string; readonly cause: WaitCause },
): DomainEvent =>
  what === "run"
    ? { type: "RunScheduled", data: { runId: id, ...wait } }
    : { type: "RestoreScheduled", data: { restoreId: id, ...wait } };

/** Approvals that count no more, as events. */
export function lapsed(
  one: Pick<Undertaking, "what" | "id">,
  { expired, revoked }: Pick<Missing, "expired" | "revoked">,
): DomainEvent[] {
  const about = concerning(one);
  const events: DomainEvent[] = [];
  if (expired.length > 0)
    events.push({ type: "ApprovalExpired", data: { ...about, approvals: expired } });
  if (revoked.length > 0)
    events.push({
      type: "ApprovalExpired",
      data: { ...about, approvals: revoked, cause: "key-revoked" },
    });
  return events;
}
