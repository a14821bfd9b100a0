import {
  ScheduleChangeRequest,
  ScheduleDeletionQuery,
  ScheduleRequest,
} from "../dto/schedule.request.ts";
import { wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { firingsView } from "../views/schedule-view.ts";
import type { Views } from "../views/views.ts";

const tag = "schedules";
const OF_DATABASE = "/v1/databases/{database}/schedules";
const ONE = "/v1/schedules/{schedule}";
/** Times to come that are shown of one schedule. */
const UPCOMING = 5;

/** Work that is done time and again: backups, checks, scrubs, drills, prunes. */
export const scheduleRoutes = ({ schedules }: Services, views: Views): Route[] => {
  const shown = (id: string): object => {
    const one = schedules.find(id);
    const next = schedules.upcoming(one, UPCOMING);
    return { ...views.schedule(one), next, recent: firingsView(one) };
  };
  return [
    route<ScheduleRequest, object>({
      method: "post",
      path: OF_DATABASE,
      id: "createSchedule",
      access: "administer",
      tag,
      summary: "Have something done time and again",
      description:
        "By the clock on the wall of its time zone. Times at which the service did not run are recorded " +
        "as missed, and made up for once; nothing is done while the work of the time before goes on.",
      request: ScheduleRequest,
      responses: { 201: { description: "The schedule", schema: "Schedule" } },
      handle: async ({ params, body, context }) => {
        const { id } = await schedules.create(params["database"]!, body, context);
        return views.created("schedules", id, shown(id));
      },
    }),
    route({
      method: "get",
      path: OF_DATABASE,
      id: "listSchedulesOfDatabase",
      access: "read",
      tag,
      summary: "List a database's schedules by name",
      responses: { 200: { description: "The schedules", schema: "ScheduleSummaryList" } },
      handle: ({ params }) => ({
        status: 200,
        body: wholePage(schedules.list(params["database"]!).map(views.schedule)),
      }),
    }),
    route({
      method: "get",
      path: "/v1/schedules",
      id: "listSchedules",
      access: "read",
      reach: "listed",
      tag,
      summary: "List all schedules by database and name",
      responses: { 200: { description: "The schedules", schema: "ScheduleSummaryList" } },
      handle: ({ scope }) => {
        const seen = schedules.list().filter(({ databaseId }) => scope.allows(databaseId));
        return { status: 200, body: wholePage(seen.map(views.schedule)) };
      },
    }),
    route({
      method: "get",
      path: ONE,
      id: "getSchedule",
      access: "read",
      tag,
      summary: "Look at a schedule: when it is due next, and what became of it lately",
      responses: { 200: { description: "The schedule", schema: "Schedule" } },
      handle: ({ params }) => ({ status: 200, body: shown(params["schedule"]!) }),
    }),
    route<ScheduleChangeRequest, object>({
      method: "patch",
      path: ONE,
      id: "changeSchedule",
      access: "administer",
      tag,
      summary: "Change a schedule; `paused` has it rest, or go on",
      description: "What was due by its old times, or while it was paused, is not made up for.",
      request: ScheduleChangeRequest,
      responses: { 200: { description: "The schedule", schema: "Schedule" } },
      handle: async ({ params, body, context }) => {
        const { id } = await schedules.change(params["schedule"]!, body, context);
        return { status: 200, body: shown(id) };
      },
    }),
    route<object, ScheduleDeletionQuery>({
      method: "delete",
      path: ONE,
      id: "deleteSchedule",
      access: "administer",
      tag,
      summary: "Delete a schedule; what has begun goes on",
      query: ScheduleDeletionQuery,
      responses: { 204: { description: "The schedule is deleted" } },
      handle: async ({ params, query, context }) => {
        await schedules.delete(params["schedule"]!, query.reason, context);
        return { status: 204 };
      },
    }),
  ];
};
