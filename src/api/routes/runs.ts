import type { RunState } from "../../domain/state/state.ts";
import { pageOf } from "../paging.ts";
import { RunsQuery } from "../dto/filter.query.ts";
import { WaitQuery } from "../dto/list.query.ts";
import {
  CancelRequest,
  RehearsalRequest,
  RollbackRequest,
  RunRequest,
} from "../dto/run.request.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";
import { approvalRoutes } from "./approvals.ts";
import { runEventRoutes } from "./operation-events.ts";

const tag = "runs";
const RUN = { description: "The run", schema: "Run" };

/** Runs: start, roll back, follow, cancel. */
export const runRoutes = (services: Services, views: Views): Route[] => [
  route<RunRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/runs",
    id: "startRun",
    access: "operate",
    tag,
    summary: "Migrate a database: back up, rehearse, apply step by step",
    request: RunRequest,
    responses: { 202: RUN },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.request(params["database"]!, body, context);
      return views.accepted("runs", run.id, views.run(run));
    },
  }),
  route<RollbackRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/rollbacks",
    id: "rollBack",
    access: "operate",
    tag,
    summary: "Roll a database back to an earlier version",
    request: RollbackRequest,
    responses: { 202: RUN },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.rollBack(params["database"]!, body, context);
      return views.accepted("runs", run.id, views.run(run));
    },
  }),
  route<RehearsalRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/rehearsals",
    id: "rehearse",
    access: "operate",
    tag,
    summary: "Execute the plan on a restored copy of a fresh backup; the database is not changed",
    request: RehearsalRequest,
    responses: { 202: RUN },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.rehearse(params["database"]!, body, context);
      return views.accepted("runs", run.id, views.run(run));
    },
  }),
  route<object, RunsQuery>({
    method: "get",
    path: "/v1/runs",
    id: "listRuns",
    access: "read",
    tag,
    summary: "List the runs, newest first",
    query: RunsQuery,
    responses: { 200: { description: "A page of runs", schema: "RunList" } },
    handle: async ({ query }) => {
      const { kind, limit: _limit, after: _after, ...range } = query;
      const accept = kind === undefined ? {} : { accept: (run: RunState) => run.kind === kind };
      const page = await pageOf(
        query,
        (asked) => services.lists.list("runs", { ...range, ...accept }, asked),
        (run) => run.requested.index,
        views.run,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, WaitQuery>({
    method: "get",
    path: "/v1/runs/{run}",
    id: "getRun",
    access: "read",
    tag,
    summary: "Look at a run; `wait` holds the answer until it has ended",
    query: WaitQuery,
    responses: { 200: RUN },
    handle: async ({ params, query: { wait = 0 } }) => {
      const run = await services.runs.find(params["run"]!);
      if (wait > 0 && run.ended === null)
        await Promise.race([
          services.runs.waitForEnd(run, wait * 1000),
          whenAborted(services.stopping),
        ]);
      return { status: 200, body: views.run(run) };
    },
  }),
  ...runEventRoutes(services, views),
  ...approvalRoutes(services, views),
  route<CancelRequest, object>({
    method: "post",
    path: "/v1/runs/{run}/cancel",
    id: "cancelRun",
    access: "operate",
    tag,
    summary: "Cancel a run; a running step is rolled back",
    request: CancelRequest,
    responses: { 202: RUN },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.cancel(params["run"]!, body.reason, context);
      return views.accepted("runs", run.id, views.run(run));
    },
  }),
];
