import { PageQuery, WaitQuery } from "../dto/list.query.ts";
import { HoldRequest, PruneRequest, ReleaseRequest } from "../dto/prune.request.ts";
import { pageOf, wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { prunePlanView } from "../views/retention-view.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";

const tag = "backups";
const PRUNES = "/v1/databases/{database}/prunes";
const HOLDS = "/v1/databases/{database}/legal-holds";
const PRUNE = { description: "The prune", schema: "Prune" };

/** Letting backups go, and keeping them from it. */
export const retentionRoutes = (services: Services, views: Views): Route[] => [
  route<PruneRequest, object>({
    method: "post",
    path: PRUNES,
    id: "pruneBackups",
    access: "administer",
    tag,
    summary: "Remove the backups that the policy does not keep; `dryRun` only says which",
    request: PruneRequest,
    responses: {
      200: {
        description: "With `dryRun`: what would go, and what keeps the others",
        schema: "PrunePlan",
      },
      202: PRUNE,
    },
    handle: async ({ params, body: { dryRun, reason }, context }) => {
      const database = params["database"]!;
      if (dryRun === true)
        return { status: 200, body: prunePlanView(services.prunes.plan(database)) };
      const prune = await services.prunes.request(database, { reason: reason! }, context);
      return views.accepted("prunes", prune.id, views.prune(prune));
    },
  }),
  route<object, PageQuery>({
    method: "get",
    path: PRUNES,
    id: "listPrunes",
    access: "read",
    tag,
    summary: "List a database's prunes, newest first",
    query: PageQuery,
    responses: { 200: { description: "A page of prunes", schema: "PruneList" } },
    handle: async ({ params, query }) => {
      const page = await pageOf(
        query,
        (asked) => services.prunes.list(params["database"]!, asked),
        (prune) => prune.requested.index,
        views.prune,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, WaitQuery>({
    method: "get",
    path: "/v1/prunes/{prune}",
    id: "getPrune",
    access: "read",
    tag,
    summary: "Look at a prune; `wait` holds the answer until it has ended",
    query: WaitQuery,
    responses: { 200: PRUNE },
    handle: async ({ params, query: { wait = 0 } }) => {
      const prune = await services.prunes.find(params["prune"]!);
      if (wait > 0 && prune.ended === null)
        await Promise.race([
          services.prunes.waitForEnd(prune, wait * 1000),
          whenAborted(services.stopping),
        ]);
      return { status: 200, body: views.prune(prune) };
    },
  }),
  route<HoldRequest, object>({
    method: "post",
    path: HOLDS,
    id: "placeLegalHold",
    access: "administer",
    tag,
    summary: "Keep a backup, or all of a database, from being pruned",
    request: HoldRequest,
    responses: { 201: { description: "The hold", schema: "LegalHold" } },
    handle: async ({ params, body, context }) => {
      const { hold } = await services.holds.place(params["database"]!, body, context);
      return views.created("legal-holds", hold.id, views.hold(hold));
    },
  }),
  route({
    method: "get",
    path: HOLDS,
    id: "listLegalHolds",
    access: "read",
    tag,
    summary: "List the holds of a database that are in force, newest first",
    responses: { 200: { description: "The holds", schema: "LegalHoldList" } },
    handle: ({ params }) => ({
      status: 200,
      body: wholePage(services.holds.list(params["database"]!).map(views.hold)),
    }),
  }),
  route({
    method: "get",
    path: "/v1/legal-holds/{hold}",
    id: "getLegalHold",
    access: "read",
    tag,
    summary: "Look at a hold that is in force",
    responses: { 200: { description: "The hold", schema: "LegalHold" } },
    handle: ({ params }) => ({
      status: 200,
      body: views.hold(services.holds.find(params["hold"]!).hold),
    }),
  }),
  route<ReleaseRequest, object>({
    method: "post",
    path: "/v1/legal-holds/{hold}/releases",
    id: "releaseLegalHold",
    access: "administer",
    tag,
    summary: "Release a hold",
    request: ReleaseRequest,
    responses: { 200: { description: "The hold that was released", schema: "LegalHold" } },
    handle: async ({ params, body, context }) => {
      const { hold } = await services.holds.release(params["hold"]!, body.reason, context);
      return { status: 200, body: views.hold(hold) };
    },
  }),
];
