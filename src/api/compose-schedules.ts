import { Scheduler } from "../domain/schedule/scheduler.ts";
import { ScheduledWork } from "../domain/schedule/scheduled-work.ts";
import { ScheduleService } from "../domain/schedule/schedule-service.ts";
import { openTelemetry } from "../infra/telemetry/tracing.ts";
import type { Services } from "./services.ts";
import type { One, Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What does work when it is due. */
export function addSchedules(one: One): void {
  one(t.SCHEDULER, (c) => {
    const { backups, integrity, drift, assurance, prunes } = c.resolve(t.SERVICES);
    const jobs = c.resolve(t.JOBS);
    return new Scheduler({
      ...timing(c),
      work: traced(new ScheduledWork({ jobs, backups, integrity, drift, assurance, prunes })),
      report: c.resolve(t.BACKGROUND).report,
    });
  });
}

const traced = (work: Pick<ScheduledWork, "perform">): Pick<ScheduledWork, "perform"> => ({
  perform: (databaseId, schedule, context) =>
    openTelemetry.root(
      `schedule ${schedule.task}`,
      { "schemaledger.database.id": databaseId, "schemaledger.schedule": schedule.name },
      () => work.perform(databaseId, schedule, context),
    ),
});

/** The member of `Services` that takes orders for it. */
export const scheduleServices = (
  c: Resolver,
  { prunes }: Pick<Services, "prunes">,
): Pick<Services, "schedules"> => ({
  schedules: new ScheduleService({
    ...timing(c),
    databases: c.resolve(t.DATABASE_SERVICE),
    prunes,
  }),
});

const timing = (c: Resolver) => ({
  projection: c.resolve(t.PROJECTION),
  recorder: c.resolve(t.RECORDER),
  timetable: c.resolve(t.CALENDAR),
  clock: c.resolve(t.CLOCK),
  digest: c.resolve(t.DIGEST),
  ids: c.resolve(t.IDS),
});
