import { AdoptDriftRequest, DriftReversalRequest, ReasonRequest } from "../dto/drift.request.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { driftView } from "../views/drift-view.ts";
import type { Views } from "../views/views.ts";

const DRIFT = "/v1/databases/{database}/drift";
const tag = "schema";

/** Drift: look for it, decide about it; the end of a quarantine. */
export const driftRoutes = (services: Services, views: Views): Route[] => [
  route({
    method: "post",
    path: `${DRIFT}/checks`,
    id: "checkDrift",
    access: "operate",
    tag,
    summary: "Compare the live schema with the ledger's and record what was found",
    responses: { 200: { description: "What was found", schema: "Drift" } },
    handle: async ({ params, context }) => {
      const report = await services.drift.check(params["database"]!, context);
      return { status: 200, body: driftView(report) };
    },
  }),
  route<AdoptDriftRequest, object>({
    method: "post",
    path: `${DRIFT}/adoptions`,
    id: "adoptDrift",
    access: "administer",
    tag,
    summary: "Take a drifted schema over into the ledger",
    request: AdoptDriftRequest,
    responses: { 200: { description: "The database", schema: "Database" } },
    handle: async ({ params, body, context }) => {
      const database = await services.drift.adopt(params["database"]!, body, context);
      return { status: 200, body: views.database(database) };
    },
  }),
  route<DriftReversalRequest, object>({
    method: "post",
    path: `${DRIFT}/reversals`,
    id: "revertDrift",
    access: "operate",
    tag,
    summary: "Restore the newest backup that has the ledger's schema",
    description:
      "Rows written since that backup are in the restore's safety backup only. It needs consent as any restore does.",
    request: DriftReversalRequest,
    responses: { 202: { description: "The restore", schema: "Restore" } },
    handle: async ({ params, body, context }) => {
      const restore = await services.drift.revert(params["database"]!, body, context);
      return views.accepted("restores", restore.id, views.restore(restore));
    },
  }),
  route<ReasonRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/releases",
    id: "releaseDatabase",
    access: "administer",
    tag: "databases",
    summary: "End a quarantine, once the database is found to be what the ledger says",
    request: ReasonRequest,
    responses: { 200: { description: "The database", schema: "Database" } },
    handle: async ({ params, body, context }) => {
      const database = await services.drift.release(params["database"]!, body.reason, context);
      return { status: 200, body: views.database(database) };
    },
  }),
];
