import assert from "node:assert/strict";
import type { DomainEvent, FoldEvent } from "../../../../src/domain/events.ts";
import type { Schedule } from "../../../../src/domain/schedule/events.ts";
import type { WorkEnd } from "../../../../src/domain/schedule/scheduled-work.ts";
import { Scheduler, type SchedulerParts } from "../../../../src/domain/schedule/scheduler.ts";
import type { Context } from "../../../../src/domain/shared/actor.ts";
import { Conflict, Unavailable } from "../../../../src/domain/shared/errors.ts";
import type { RecordOptions } from "../../../../src/domain/shared/recorder.ts";
import { fold } from "../../../../src/domain/state/fold.ts";
import { CronerCalendar } from "../../../../src/infra/calendar/croner-calendar.ts";
import { NodeDigest } from "../../../../src/infra/signing/node-digest.ts";
import { event, given, registered, SHOP } from "../../../support/history.ts";

// The history's events are of 2026-01-02, some seconds after 03:04.
const NIGHTLY: Schedule = {
  name: "nightly",
  task: "backup",
  cron: "0 3 * * *",
  timeZone: "UTC",
  catchUp: "once",
  paused: false,
};

/** A schedule, what is done about it, and what is recorded. */
class Stage {
  now = "2026-01-02T12:00:00.000Z";
  readonly recorded: DomainEvent[] = [];
  readonly reported: unknown[] = [];
  /** Ends the work that was begun, oldest first. */
  readonly ends: ((end: WorkEnd) => void)[] = [];
  readonly fails: ((error: Error) => void)[] = [];
  readonly state;
  readonly scheduler: Scheduler;
  /** Appends of somebody else that come first. */
  others = 0;

  constructor(schedule: Partial<Schedule> = {}, ...more: DomainEvent[]) {
    const created = event("ScheduleCreated", {
      scheduleId: "s",
      schedule: { ...NIGHTLY, ...schedule },
    });
    const { state } = { state: given(...registered, created, ...more) };
    this.state = state;
    this.scheduler = new Scheduler({
      projection: { state, onChange: () => () => {} },
      recorder: {
        record: async (_id: string, events: DomainEvent[], _context: Context, options = {}) =>
          this.#record(events, options as RecordOptions),
      },
      work: {
        perform: () =>
          new Promise<WorkEnd>((resolve, reject) => {
            this.ends.push(resolve);
            this.fails.push(reject);
          }),
      },
      timetable: new CronerCalendar(),
      clock: { now: () => this.now, elapsed: () => 0, sleep: () => Promise.resolve() },
      digest: new NodeDigest(),
      ids: { uuid: () => `f${this.recorded.length}`, random: () => new Uint8Array() },
      report: (error: unknown) => this.reported.push(error),
    } as unknown as SchedulerParts);
  }

  get types(): string[] {
    return this.recorded.map(({ type }) => type);
  }

  async round(now: string): Promise<number> {
    this.now = now;
    return this.scheduler.round({} as Context);
  }

  #record(events: readonly DomainEvent[], { expected }: RecordOptions): void {
    const { shop } = this.state;
    if (this.others-- > 0) {
      shop.streamVersion += 1;
      throw new Conflict("expected-version-conflict", "moved");
    }
    if (expected !== undefined) assert.equal(expected, shop.streamVersion);
    for (const one of events) {
      const placed = { index: this.state.size, streamVersion: shop.streamVersion };
      const by = { stream: `database:${SHOP}`, time: this.now, actor: { id: "act" } };
      fold(this.state, { ...one, ...placed, ...by } as unknown as FoldEvent);
      this.recorded.push(one);
    }
  }
}

describe("the scheduler", () => {
  it("fires when it is due, tells how it ended, and says when it is due next", async () => {
    const stage = new Stage();
    assert.equal(await stage.round("2026-01-03T02:59:50.000Z"), 10_000);
    assert.deepEqual(stage.types, []);
    await stage.round("2026-01-03T03:00:00.000Z");
    assert.deepEqual(stage.types, ["ScheduleFired"]);
    stage.ends[0]!({ status: "succeeded", operation: "b" });
    await stage.scheduler.finish();
    assert.deepEqual(stage.types, ["ScheduleFired", "ScheduleCompleted"]);
    assert.equal(await stage.round("2026-01-03T03:00:01.000Z"), 15_000);
    assert.equal(stage.recorded.length, 2);
  });

  it("skips what is due while the work of the time before goes on, on record", async () => {
    const stage = new Stage({ cron: "0 * * * *" });
    await stage.round("2026-01-02T13:00:00.000Z");
    stage.recorded.length = 0;
    await stage.round("2026-01-02T14:00:01.000Z");
    const due = "2026-01-02T14:00:00.000Z";
    const skipped = event("ScheduleSkipped", { scheduleId: "s", due, cause: "still-running" });
    assert.deepEqual(stage.recorded, [skipped]);
    assert.equal(stage.ends.length, 1);
    stage.ends[0]!({ status: "succeeded" });
    await stage.scheduler.finish();
    await stage.round("2026-01-02T15:00:00.000Z");
    assert.equal(stage.ends.length, 2);
  });

  it("records what was missed and makes up for it once, or not at all", async () => {
    const once = new Stage();
    await once.round("2026-01-05T09:00:00.000Z");
    assert.deepEqual(once.types, ["ScheduleMissed", "AlertRaised", "ScheduleFired"]);
    const skip = new Stage({ catchUp: "skip" });
    await skip.round("2026-01-05T09:00:00.000Z");
    await skip.round("2026-01-05T09:00:15.000Z");
    assert.deepEqual(skip.types, ["ScheduleMissed", "AlertRaised"]);
    assert.equal(skip.ends.length, 0);
  });

  it("gives work whose process died its outcome, and does it at most three times", async () => {
    const fired = event("ScheduleFired", {
      scheduleId: "s",
      firingId: "dead",
      task: "backup",
      due: "2026-01-03T03:00:00.000Z",
    });
    const stage = new Stage({}, fired);
    for (let again = 0; again < 4; again++) {
      const next = new Stage({}, fired, ...stage.recorded);
      await next.round("2026-01-03T03:10:00.000Z");
      stage.recorded.push(...next.recorded);
    }
    const completed = stage.types.filter((type) => type === "ScheduleCompleted");
    const firings = stage.types.filter((type) => type === "ScheduleFired");
    assert.deepEqual([completed.length, firings.length], [3, 2]);
  });

  it("tells a failure with an alert, unless the work has raised one itself", async () => {
    const error = { code: "database-missing", message: "It is gone" };
    const cases: [WorkEnd, string | undefined][] = [
      [{ status: "failed", error }, "critical"],
      [{ status: "aborted", error }, "warning"],
      [{ status: "failed", error, alerted: true }, undefined],
    ];
    for (const [end, severity] of cases) {
      const stage = new Stage();
      await stage.round("2026-01-03T03:00:00.000Z");
      stage.ends[0]!(end);
      await stage.scheduler.finish();
      const alert = stage.recorded.find(({ type }) => type === "AlertRaised");
      assert.equal(alert?.type === "AlertRaised" ? alert.data.severity : undefined, severity);
      assert.equal(stage.state.schedules.get("s")!.failures, 1);
    }
  });

  it("takes what is refused for a failure, and a stop of the service for an interruption", async () => {
    for (const [thrown, status, code] of [
      [new Conflict("retention-not-set", "No rules"), "failed", "retention-not-set"],
      [new Unavailable("service-stopping", "Stopping"), "aborted", "interrupted"],
    ] as const) {
      const stage = new Stage();
      await stage.round("2026-01-03T03:00:00.000Z");
      stage.fails[0]!(thrown);
      await stage.scheduler.finish();
      const [last] = stage.state.schedules.get("s")!.recent;
      assert.deepEqual([last?.status, last?.error?.code], [status, code]);
    }
  });

  it("does nothing where others append without a pause, and fires in the next round", async () => {
    const stage = new Stage();
    stage.others = 1000;
    await stage.round("2026-01-03T03:00:00.000Z");
    assert.deepEqual([stage.types, stage.reported], [[], []]);
    stage.others = 2;
    await stage.round("2026-01-03T03:00:15.000Z");
    assert.deepEqual(stage.types, ["ScheduleFired"]);
  });

  it("keeps a deleted schedule until its work has ended, and fires it no more", async () => {
    const stage = new Stage();
    await stage.round("2026-01-03T03:00:00.000Z");
    const fired = stage.recorded[0]!;
    const deleted = new Stage({}, fired, event("ScheduleDeleted", { scheduleId: "s" }));
    assert.equal(deleted.state.schedules.size, 1);
    await deleted.round("2026-01-04T03:00:00.000Z");
    assert.deepEqual(deleted.types, ["ScheduleCompleted", "AlertRaised"]);
    assert.equal(deleted.state.schedules.size, 0);
  });

  it("works on four at once; the others wait for a place", async () => {
    const more = Array.from({ length: 5 }, (_, i) =>
      event("ScheduleCreated", {
        scheduleId: `s${i}`,
        schedule: { ...NIGHTLY, name: `n${i}` },
      }),
    );
    const stage = new Stage({}, ...more);
    await stage.round("2026-01-03T03:00:00.000Z");
    assert.equal(stage.types.filter((type) => type === "ScheduleFired").length, 6);
    assert.equal(stage.ends.length, 4);
    for (let i = 0; i < 6; i++) {
      stage.ends[i]!({ status: "succeeded" });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await stage.scheduler.finish();
    assert.equal(stage.types.filter((type) => type === "ScheduleCompleted").length, 6);
  });
});
