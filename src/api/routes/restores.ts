import { refuseLimited } from "../auth/scope.ts";
import { RestoresQuery } from "../dto/filter.query.ts";
import { WaitQuery } from "../dto/list.query.ts";
import { RestoreRequest } from "../dto/restore.request.ts";
import { CancelRequest } from "../dto/run.request.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";
import { restoreEventRoutes } from "./operation-events.ts";

const tag = "backups";
const RESTORES = "/v1/databases/{database}/restores";
const RESTORE = { description: "The restore", schema: "Restore" };

const NO_FILES =
  "Restore into the database, or let somebody whose key is not limited write the file";

/** Restores: bring a backup back, follow it, give it up. */
export const restoreRoutes = (services: Services, views: Views): Route[] => [
  route<RestoreRequest, object>({
    method: "post",
    path: RESTORES,
    id: "restoreBackup",
    access: "operate",
    tag,
    summary: "Bring a backup back: whole, single tables, or to a new file",
    description:
      "Exactly one of `backupId`, `beforeRun` and `at` says which backup. It is restored to scratch and " +
      "compared first, and what is about to be replaced is backed up. `tables` brings single tables " +
      "back, `target` writes a new file instead of the database.",
    request: RestoreRequest,
    responses: { 202: RESTORE },
    handle: async ({ params, body, context, scope }) => {
      // Before anything is looked at: which files there are, of others too, is not for such keys.
      if (body.target !== undefined) refuseLimited(scope, NO_FILES);
      const restore = await services.restores.request(params["database"]!, body, context);
      return views.accepted("restores", restore.id, views.restore(restore));
    },
  }),
  route<object, RestoresQuery>({
    method: "get",
    path: RESTORES,
    id: "listRestores",
    access: "read",
    tag,
    summary: "List a database's restores, newest first",
    query: RestoresQuery,
    responses: { 200: { description: "A page of restores", schema: "RestoreList" } },
    handle: async ({ params, query }) => {
      const { status, from, to } = query;
      const filter = { database: params["database"]!, status, from, to };
      const page = await pageOf(
        query,
        (asked) => services.lists.list("restores", filter, asked),
        (restore) => restore.requested.index,
        views.restore,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, WaitQuery>({
    method: "get",
    path: "/v1/restores/{restore}",
    id: "getRestore",
    access: "read",
    tag,
    summary: "Look at a restore; `wait` holds the answer until it has ended",
    query: WaitQuery,
    responses: { 200: RESTORE },
    handle: async ({ params, query: { wait = 0 } }) => {
      const restore = await services.restores.find(params["restore"]!);
      if (wait > 0 && restore.ended === null)
        await Promise.race([
          services.restores.waitForEnd(restore, wait * 1000),
          whenAborted(services.stopping),
        ]);
      return { status: 200, body: views.restore(restore) };
    },
  }),
  ...restoreEventRoutes(services, views),
  route<CancelRequest, object>({
    method: "post",
    path: "/v1/restores/{restore}/cancel",
    id: "cancelRestore",
    access: "operate",
    tag,
    summary: "Give a restore up; what it had begun to replace is rolled back",
    request: CancelRequest,
    responses: { 202: RESTORE },
    handle: async ({ params, body, context }) => {
      const restore = await services.restores.cancel(params["restore"]!, body.reason, context);
      return views.accepted("restores", restore.id, views.restore(restore));
    },
  }),
];
