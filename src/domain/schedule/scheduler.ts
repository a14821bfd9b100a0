import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { Places } from "../shared/places.ts";
import { decide, onBehalf, outcomeKey, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { ScheduleState } from "../state/schedule-state.ts";
import type { DatabaseState } from "../state/state.ts";
import { alertOfFailure, alertOfMissed } from "./alerts.ts";
import { CORRECTION, dueNow, type Due } from "./due.ts";
import { INTERRUPTED, type Schedule } from "./events.ts";
import type { ScheduledWork, WorkEnd } from "./scheduled-work.ts";
import type { Timetable } from "./timetable.ts";

export interface SchedulerParts {
  readonly projection: Pick<Projection, "state" | "onChange">;
  readonly recorder: Recorder;
  readonly work: Pick<ScheduledWork, "perform">;
  readonly timetable: Timetable;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly ids: Ids;
  /** Called with what nobody waits for. */
  readonly report: (error: unknown) => void;
}

/** How often it looks again whatever was worked out: also when the clock was set, ms. */
const ROUND = 15_000;

/** Work of schedules that is done at once: what fires together must not stand in the way of runs. */
const AT_ONCE = 4;

/** What was worked out, and for what: working out a time costs more than looking at the clock. */
interface Known {
  readonly schedule: Schedule;
  readonly settled: string;
  readonly until: string | undefined;
}

/**
 * Does the work of schedules when it is due. A firing is an event, appended at the version of the
 * stream that was decided on: whoever else decides the same fires nothing. It has one outcome, also
 * after a crash.
 */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #places = new Places(AT_ONCE);
  /** Firings whose work is done here. */
  readonly #working = new Map<string, Promise<void>>();
  readonly #known = new Map<string, Known>();
  #wake: () => void = () => {};
  #stopped = false;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** In the last round something could not be decided on: what is due is not done. */
  isTroubled = false;

  /** From here on what is due is done. Returns what ends it; what has begun then goes on. */
  start(context: Context): () => Promise<void> {
    const unfollow = this.#parts.projection.onChange((events) => {
      if (events.some(({ type }) => type.startsWith("Schedule"))) this.#wake();
    });
    const rounds = this.#rounds(context).catch(this.#parts.report);
    return async () => {
      this.#stopped = true;
      unfollow();
      this.#wake();
      await rounds;
    };
  }

  /** Resolves when nothing is under way any more. Call it when the jobs have ended. */
  async finish(): Promise<void> {
    await Promise.all(this.#working.values());
  }

  /**
   * Looks at every schedule once, in its turn: gives what a dead process left undone its outcome, and
   * does what is due. Gives the milliseconds until something is due next.
   */
  async round(context: Context): Promise<number> {
    let pause = ROUND;
    let isTroubled = false;
    for (const schedule of this.#parts.projection.state.schedules.values()) {
      if (this.#stopped) break;
      try {
        await this.#settle(schedule, context);
        await decide(() => this.#decide(schedule, context));
        pause = Math.min(pause, this.#left(schedule));
      } catch (error) {
        // One that cannot be decided on must not keep the others waiting; the next round decides.
        if (PASSING.has(codeOf(error))) continue;
        isTroubled = true;
        this.#parts.report(error);
      }
    }
    this.isTroubled = isTroubled;
    return pause;
  }

  async #rounds(context: Context): Promise<void> {
    while (!this.#stopped) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const pause = await this.round(context);
      if (!this.#stopped) await Promise.race([woken, this.#parts.clock.sleep(pause)]);
    }
  }

  async #decide(one: ScheduleState, context: Context): Promise<void> {
    const database = this.#databaseOf(one);
    if (database.retired !== null || one.deleted !== null) return;
    const now = this.#due(one);
    switch (now.kind) {
      case "wait":
        return;
      case "rebase": {
        const data = { scheduleId: one.id, from: one.settled, to: now.to };
        return this.#record(database, one, context, [{ type: "ScheduleRebased", data }]);
      }
      case "due":
        return this.#settleDue(database, one, now, context);
    }
  }

  async #settleDue(
    database: DatabaseState,
    one: ScheduleState,
    { due, late, missed }: Extract<Due, { kind: "due" }>,
    context: Context,
  ): Promise<void> {
    const { id: scheduleId, schedule, open, recent } = one;
    const fires = open === null && !(late && schedule.catchUp === "skip");
    const events: DomainEvent[] = [];
    if (missed !== null) {
      events.push({ type: "ScheduleMissed", data: { scheduleId, ...missed } });
      events.push(alertOfMissed(database, one, missed, late && fires));
    }
    const firingId = this.#parts.ids.uuid();
    if (fires) {
      const caughtUp = late || recent[0]?.due === due ? { caughtUp: true } : {};
      const data = { scheduleId, firingId, task: schedule.task, due, ...caughtUp };
      events.push({ type: "ScheduleFired", data });
    } else if (!late)
      events.push({ type: "ScheduleSkipped", data: { scheduleId, due, cause: "still-running" } });
    await this.#record(database, one, context, events);
    if (!fires) return;
    const work = this.#places.within(() => this.#work(one, firingId, schedule, context));
    const working = work.catch(this.#parts.report).finally(() => this.#working.delete(firingId));
    this.#working.set(firingId, working);
  }

  /** Work that nobody does any more: its process has ended. */
  async #settle(one: ScheduleState, context: Context): Promise<void> {
    if (one.open === null || this.#working.has(one.open.id)) return;
    const message = "The process ended before the work did";
    const end = { status: "aborted", error: { code: INTERRUPTED, message } } as const;
    await this.#complete(one, one.open.id, end, 0, context);
  }

  async #work(
    one: ScheduleState,
    firingId: string,
    schedule: Schedule,
    context: Context,
  ): Promise<void> {
    const { clock } = this.#parts;
    const began = clock.elapsed();
    const end = await this.#perform(one, firingId, schedule, context);
    await this.#complete(one, firingId, end, Math.round(clock.elapsed() - began), context);
  }

  async #perform(
    { id, databaseId }: ScheduleState,
    firingId: string,
    schedule: Schedule,
    context: Context,
  ): Promise<WorkEnd> {
    try {
      return await this.#parts.work.perform(databaseId, schedule, onBehalf(context, id, firingId));
    } catch (error) {
      const { code, message, hint } = failureOf(error);
      if (code === "service-stopping")
        return { status: "aborted", error: { code: INTERRUPTED, message } };
      return { status: "failed", error: { code, message, ...withoutAbsent({ hint }) } };
    }
  }

  async #complete(
    one: ScheduleState,
    firingId: string,
    end: WorkEnd,
    durationMs: number,
    context: Context,
  ): Promise<void> {
    const database = this.#databaseOf(one);
    const { status, operation, error } = end;
    const how = withoutAbsent({ operation, error });
    const data = { scheduleId: one.id, firingId, status, ...how, durationMs };
    const events = [
      { type: "ScheduleCompleted", data } as const,
      ...alertOfFailure(database, one, end),
    ];
    const own = { ...context, correlation: one.id, causation: firingId };
    await this.#parts.recorder.record(database.id, events, own, { once: [outcomeKey(firingId)] });
  }

  async #record(
    { id, streamVersion }: DatabaseState,
    one: ScheduleState,
    context: Context,
    events: readonly DomainEvent[],
  ): Promise<void> {
    const own = { ...context, correlation: one.id };
    await this.#parts.recorder.record(id, events, own, { expected: streamVersion });
  }

  /** A wait stays what it is until its end, as long as nothing it follows from has changed. */
  #due(one: ScheduleState): Due {
    const { clock, timetable, digest } = this.#parts;
    const { id, schedule, settled } = one;
    const now = clock.now();
    const known = this.#known.get(id);
    const behind = Date.parse(settled) - Date.parse(now) > CORRECTION;
    if (known?.schedule === schedule && known.settled === settled && !behind) {
      const { until } = known;
      if (until === undefined || now < until) return { kind: "wait", until };
    }
    const due = dueNow(one, now, timetable, digest);
    if (due.kind === "wait") this.#known.set(id, { schedule, settled, until: due.until });
    return due;
  }

  /** What has fired is looked at again because of its event. */
  #left({ id, settled }: ScheduleState): number {
    const known = this.#known.get(id);
    if (known?.until === undefined || known.settled !== settled) return ROUND;
    return Math.max(1, Date.parse(known.until) - Date.parse(this.#parts.clock.now()));
  }

  #databaseOf({ databaseId }: ScheduleState): DatabaseState {
    return this.#parts.projection.state.databases.get(databaseId)!;
  }
}

/** The ledger is closed, others append without a pause, or somebody else was first. */
const PASSING = new Set(["ledger-closed", "expected-version-conflict", "outcome-recorded-already"]);

const codeOf = (error: unknown): string => (error instanceof DomainError ? error.code : "");
