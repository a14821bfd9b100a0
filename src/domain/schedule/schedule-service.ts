import { usable } from "../backup/backup-service.ts";
import type { DatabaseService } from "../database/database-service.ts";
import type { DomainEvent } from "../events.ts";
import type { PruneService } from "../retention/prune-service.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict, InvalidInput, NotFound } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import { decide, type Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { ScheduleState } from "../state/schedule-state.ts";
import type { DatabaseState } from "../state/state.ts";
import { nextFiring } from "./due.ts";
import type { Schedule, ScheduledTask } from "./events.ts";
import type { Timetable } from "./timetable.ts";

export interface ScheduleServiceParts {
  readonly databases: DatabaseService;
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly prunes: PruneService;
  readonly timetable: Timetable;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly ids: Ids;
}

/** What is asked for; absent members have defaults. */
export type NewSchedule = Partial<Schedule> &
  Pick<Schedule, "cron"> & {
    readonly task: ScheduledTask;
    readonly reason?: string;
  };

/** Members to change. */
export type ScheduleChange = Partial<Omit<Schedule, "task">> & { readonly reason?: string };

/** Schedules that one database may have. */
const MOST = 100;

/** Takes orders about work that is done time and again. */
export class ScheduleService {
  readonly #parts: ScheduleServiceParts;

  constructor(parts: ScheduleServiceParts) {
    this.#parts = parts;
  }

  /**
   * Errors: `InvalidInput` schedule-invalid | level-and-task; `Conflict` schedule-exists |
   * too-many-schedules | retention-not-set (nothing would ever be pruned) | database-retired.
   */
  async create(name: string, asked: NewSchedule, context: Context): Promise<ScheduleState> {
    const { reason, ...members } = asked;
    const schedule: Schedule = {
      name: asked.task,
      timeZone: "UTC",
      catchUp: "once",
      paused: false,
      ...withoutAbsent(members),
    };
    this.#check(schedule);
    const scheduleId = this.#parts.ids.uuid();
    await decide(async () => {
      const database = usable(this.#parts.databases.find(name));
      const { streamVersion } = database;
      this.#refuse(database, schedule);
      const data = { scheduleId, schedule, ...withoutAbsent({ reason }) };
      await this.#record(
        database,
        scheduleId,
        { type: "ScheduleCreated", data },
        context,
        streamVersion,
      );
    });
    return this.find(scheduleId);
  }

  /** Errors: as `create`, and `NotFound` schedule-not-found. */
  async change(id: string, change: ScheduleChange, context: Context): Promise<ScheduleState> {
    const { reason, ...members } = change;
    return decide(async () => {
      const one = this.find(id);
      const database = usable(this.#databaseOf(one));
      const { streamVersion } = database;
      const schedule = { ...one.schedule, ...withoutAbsent(members) };
      this.#check(schedule);
      this.#refuse(database, schedule, id);
      const data = { scheduleId: id, schedule, ...withoutAbsent({ reason }) };
      await this.#record(database, id, { type: "ScheduleChanged", data }, context, streamVersion);
      return one;
    });
  }

  /** What has begun goes on. Error: `NotFound` schedule-not-found. */
  async delete(id: string, reason: string | undefined, context: Context): Promise<void> {
    await decide(async () => {
      const one = this.find(id);
      const database = this.#databaseOf(one);
      const { streamVersion } = database;
      const data = { scheduleId: id, ...withoutAbsent({ reason }) };
      await this.#record(database, id, { type: "ScheduleDeleted", data }, context, streamVersion);
    });
  }

  /** Error: `NotFound` schedule-not-found. */
  find(id: string): ScheduleState {
    const one = this.#parts.projection.state.schedules.get(id);
    if (one !== undefined && one.deleted === null) return one;
    throw new NotFound("schedule-not-found", `There is no schedule ${id}, or it was deleted`, {
      hint: "GET /v1/schedules lists them",
    });
  }

  /** Those of a database, or all, by database and name. */
  list(name?: string): readonly ScheduleState[] {
    const { databases, projection } = this.#parts;
    const only = name === undefined ? undefined : databases.find(name).id;
    const all = [...projection.state.schedules.values()].filter(
      ({ databaseId, deleted }) => deleted === null && (only === undefined || databaseId === only),
    );
    const key = (one: ScheduleState): string =>
      `${this.#databaseOf(one).name} ${one.schedule.name}`;
    return all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  /** When it will be done next, at most `count` times; none while it is paused. */
  upcoming(one: ScheduleState, count: number): readonly string[] {
    const { timetable, clock, digest } = this.#parts;
    const times: string[] = [];
    if (one.schedule.paused || this.#databaseOf(one).retired !== null) return times;
    const now = clock.now();
    for (let after = one.settled < now ? one.settled : now; times.length < count;) {
      const firing = nextFiring(one, after, timetable, digest);
      if (firing === undefined) break;
      times.push(firing.at);
      after = firing.due;
    }
    return times;
  }

  #check({ task, level, cron, timeZone }: Schedule): void {
    if (level !== undefined && task !== "integrity-check")
      throw new InvalidInput("level-and-task", "Only integrity checks have a level", {
        hint: "Leave out level",
      });
    const next = this.#parts.timetable.next({ cron, timeZone }, this.#parts.clock.now());
    if (next === undefined)
      throw new InvalidInput("schedule-invalid", `${cron} is never due`, {
        hint: "Name a day that exists: 0 3 * * * is every day at three",
      });
  }

  #refuse(database: DatabaseState, { name, task }: Schedule, own?: string): void {
    const others = this.list(database.id).filter(({ id }) => id !== own);
    if (others.some(({ schedule }) => schedule.name === name))
      throw new Conflict("schedule-exists", `${database.name} has a schedule ${name} already`, {
        hint: "Change that one, or give this one a name of its own",
      });
    if (others.length >= MOST)
      throw new Conflict("too-many-schedules", `${database.name} has ${MOST} schedules`, {
        hint: "Delete those that are not needed",
      });
    if (task === "prune") this.#parts.prunes.plan(database.name);
  }

  async #record(
    { id }: DatabaseState,
    scheduleId: string,
    event: DomainEvent,
    context: Context,
    expected: number,
  ): Promise<void> {
    const own = { ...context, correlation: scheduleId };
    await this.#parts.recorder.record(id, [event], own, { expected });
  }

  #databaseOf({ databaseId }: ScheduleState): DatabaseState {
    return this.#parts.projection.state.databases.get(databaseId)!;
  }
}
