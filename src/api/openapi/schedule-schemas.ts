import { SCHEDULED_TASKS } from "../../domain/schedule/events.ts";
import {
  anything,
  count,
  flag,
  listOf,
  nullable,
  object,
  oneOf,
  orNull,
  pagesOf,
  ref,
  text,
  time,
  uuid,
  type Schemas,
} from "./schema-words.ts";

const INDEX = count("Index of the event in the ledger");

const SUMMARY = {
  id: uuid("Names the schedule"),
  database: text("The database's name", "shop"),
  databaseId: uuid("The database's id"),
  name: text("Its name among the schedules of the database", "nightly"),
  task: oneOf(...SCHEDULED_TASKS),
  level: orNull(text("Of integrity checks: quick or full", "quick")),
  cron: text("When, as a cron expression of five fields", "0 3 * * *"),
  timeZone: text("By the clock of this time zone", "Europe/Vienna"),
  jitterSeconds: count("By so much it may be done later"),
  catchUp: oneOf("once", "skip"),
  paused: flag("Nothing is done"),
  status: oneOf("ready", "running", "failing", "paused"),
  last: nullable("Firing"),
  lastSucceededAt: orNull(time("When its work last ended well")),
  failures: count("Firings since then"),
  missed: count("Due times that were missed, ever"),
  lastMissed: anything("The due times that were missed last, `first`, `last` and `count`, or null"),
  skipped: count("Due times at which the work of the time before was still going on"),
  createdBy: ref("Actor"),
  createdAt: time("When it was created"),
  changedBy: nullable("Actor"),
  changedAt: orNull(time("When it was changed last")),
  eventIndex: INDEX,
};

/** Schedules and what is done by them. */
export const SCHEDULE_SCHEMAS: Schemas = {
  ScheduleSummary: object(SUMMARY),
  Schedule: object({
    ...SUMMARY,
    next: {
      type: "array",
      items: { type: "string", format: "date-time" },
      description: "When it will be done next",
    },
    recent: { ...listOf("Firing"), description: "What was done lately, newest first" },
  }),
  Firing: object({
    id: uuid("Names the firing"),
    due: time("The time that it was for"),
    caughtUp: flag("It made up for times that were missed"),
    status: oneOf("running", "succeeded", "failed", "aborted"),
    operation: orNull(text("Id of the backup, check, scrub, drill or prune")),
    error: nullable("Failure"),
    firedAt: time("When it began"),
    endedAt: orNull(time("When it ended")),
    durationMs: { type: ["number", "null"], description: "How long it took" },
    eventIndex: INDEX,
  }),
  ...pagesOf("ScheduleSummary"),
};
