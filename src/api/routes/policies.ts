import { WaitQuery } from "../dto/list.query.ts";
import { PolicyChangeRequest, PolicyChangesQuery } from "../dto/policy-change.request.ts";
import { CancelRequest } from "../dto/run.request.ts";
import { pageOf } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { whenAborted } from "../when-aborted.ts";

const tag = "policies";
const CHANGE = { description: "The change", schema: "PolicyChange" };

/** Policies: change them, follow what waits for consent, give it up. */
export const policyRoutes = (services: Services, views: Views): Route[] => [
  route<PolicyChangeRequest, object>({
    method: "patch",
    path: "/v1/databases/{database}/policy",
    id: "changePolicy",
    access: "administer",
    tag,
    summary: "Change what a database demands of runs and restores",
    description:
      "A change that demands more, or of a policy without approvals, is made at once. One by which a policy that asks " +
      "for approvals demands less waits for as many as a destructive plan needs, of others than its requester.",
    request: PolicyChangeRequest,
    responses: {
      200: { description: "The database, with its policy changed", schema: "Database" },
      202: { description: "The change, which waits for approvals", schema: "PolicyChange" },
    },
    handle: async ({ params, body, context }) => {
      const { reason, emergency, ...change } = body;
      const how = { ...(reason === undefined ? {} : { reason }), emergency: emergency === true };
      const order = { change, ...how };
      const outcome = await services.policies.change(params["database"]!, order, context);
      if ("made" in outcome) return { status: 200, body: views.database(outcome.made) };
      const { waiting } = outcome;
      return views.accepted("policy-changes", waiting.id, views.policyChange(waiting));
    },
  }),
  route<object, PolicyChangesQuery>({
    method: "get",
    path: "/v1/databases/{database}/policy-changes",
    id: "listPolicyChanges",
    access: "read",
    tag,
    summary: "List the changes of a database's policy that needed consent, newest first",
    query: PolicyChangesQuery,
    responses: { 200: { description: "A page of changes", schema: "PolicyChangeList" } },
    handle: async ({ params, query }) => {
      const { status, from, to } = query;
      const filter = { database: params["database"]!, status, from, to };
      const page = await pageOf(
        query,
        (asked) => services.lists.list("policyChanges", filter, asked),
        (change) => change.requested.index,
        views.policyChange,
      );
      return { status: 200, body: page };
    },
  }),
  route<object, WaitQuery>({
    method: "get",
    path: "/v1/policy-changes/{policyChange}",
    id: "getPolicyChange",
    access: "read",
    tag,
    summary: "Look at a change of a policy; `wait` holds the answer until it has ended",
    query: WaitQuery,
    responses: { 200: CHANGE },
    handle: async ({ params, query: { wait = 0 } }) => {
      const change = await services.policies.find(params["policyChange"]!);
      if (wait > 0 && change.ended === null)
        await Promise.race([
          services.projection.until(() => change.ended !== null, wait * 1000),
          whenAborted(services.stopping),
        ]);
      return { status: 200, body: views.policyChange(change) };
    },
  }),
  route<CancelRequest, object>({
    method: "post",
    path: "/v1/policy-changes/{policyChange}/cancel",
    id: "cancelPolicyChange",
    access: "administer",
    tag,
    summary: "Give a change up that waits for approvals",
    request: CancelRequest,
    responses: { 200: CHANGE },
    handle: async ({ params, body, context }) => {
      const { reason } = body;
      const change = await services.policies.cancel(params["policyChange"]!, reason, context);
      return { status: 200, body: views.policyChange(change) };
    },
  }),
];
