import { PageQuery, WaitQuery } from "../dto/list.query.ts";
import { RecoveryRequest } from "../dto/recovery.request.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";
import { recoveryEventRoutes } from "./operation-events.ts";

const tag = "recovery";
const RECOVERIES = "/v1/databases/{database}/recoveries";
const RECOVERY = { description: "The recovery", schema: "Recovery" };

/** Recoveries: bring a database back, whatever happened to it. */
export const recoveryRoutes = (services: Services, views: Views): Route[] => [
  route<RecoveryRequest, object>({
    method: "post",
    path: RECOVERIES,
    id: "recoverDatabase",
    access: "operate",
    tag,
    summary:
      "Bring a database back: find out what is wrong, restore, apply again, say what is lost",
    description:
      "Without `procedure` what is found decides: damage or a missing file: the newest backup that passes, then the " +
      "migrations it lacks; a run that stopped half-way: back to before it. With it, that is done wherever " +
      "something is wrong. A database that is well is left as it is.",
    request: RecoveryRequest,
    responses: { 202: RECOVERY },
    handle: async ({ params, body, context }) => {
      const recovery = await services.recoveries.request(params["database"]!, body, context);
      return views.accepted("recoveries", recovery.id, views.recovery(recovery));
    },
  }),
  route<object, PageQuery>({
    method: "get",
    path: RECOVERIES,
    id: "listRecoveries",
    access: "read",
    tag,
    summary: "List a database's recoveries, newest first",
    query: PageQuery,
    responses: { 200: { description: "A page of recoveries", schema: "RecoveryList" } },
    handle: async ({ params, query }) => {
      const page = await pageOf(
        query,
        (asked) => services.recoveries.list(params["database"]!, asked),
        (recovery) => recovery.requested.index,
        views.recovery,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, WaitQuery>({
    method: "get",
    path: "/v1/recoveries/{recovery}",
    id: "getRecovery",
    access: "read",
    tag,
    summary: "Look at a recovery; `wait` holds the answer until it has ended",
    query: WaitQuery,
    responses: { 200: RECOVERY },
    handle: async ({ params, query: { wait = 0 } }) => {
      const recovery = await services.recoveries.find(params["recovery"]!);
      if (wait > 0 && recovery.ended === null)
        await Promise.race([
          services.recoveries.waitForEnd(recovery, wait * 1000),
          whenAborted(services.stopping),
        ]);
      return { status: 200, body: views.recovery(recovery) };
    },
  }),
  ...recoveryEventRoutes(services, views),
];
