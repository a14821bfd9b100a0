import type { Decision, Review } from "../../domain/governance/approval-service.ts";
import type { Context } from "../../domain/shared/actor.ts";
import { ApprovalRequest, ReviewRequest } from "../dto/approval.request.ts";
import { TestEvidenceRequest } from "../dto/test-evidence.request.ts";
import { testEvidenceView } from "../views/test-evidence-view.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "runs";

/** What takes the decisions on one kind, and shows what became of it. */
interface Deciders {
  /** Its place below `/v1`, the name of its parameter and of its schema. */
  readonly place: string;
  readonly parameter: string;
  readonly schema: string;
  readonly ids: { readonly decide: string; readonly review: string };
  readonly tag: string;
  readonly words: string;
  readonly decide: (id: string, body: Decision, context: Context) => Promise<object>;
  readonly review: (id: string, body: Review, context: Context) => Promise<object>;
}

/** The same two routes for everything that needs consent. */
const decisionRoutes = (of: Deciders): Route[] => [
  route<ApprovalRequest, object>({
    method: "post",
    path: `/v1/${of.place}/{${of.parameter}}/approvals`,
    id: of.ids.decide,
    access: "approve",
    tag: of.tag,
    summary: `Approve or reject a ${of.words} that has not begun, or take an own approval back`,
    description:
      "An approval is bound to `planDigest`: exactly what was looked at. The requester cannot approve, nor can the authors " +
      "of a run's migrations.",
    request: ApprovalRequest,
    responses: { 200: { description: "What was decided on", schema: of.schema } },
    handle: async ({ params, body, context }) => ({
      status: 200,
      body: await of.decide(params[of.parameter]!, body, context),
    }),
  }),
  route<ReviewRequest, object>({
    method: "post",
    path: `/v1/${of.place}/{${of.parameter}}/reviews`,
    id: of.ids.review,
    access: "approve",
    tag: of.tag,
    summary: `Review an emergency ${of.words} after its end`,
    request: ReviewRequest,
    responses: { 200: { description: "What was reviewed", schema: of.schema } },
    handle: async ({ params, body, context }) => ({
      status: 200,
      body: await of.review(params[of.parameter]!, body, context),
    }),
  }),
];

/** What people decide: approvals before something begins, reviews of emergencies afterwards. */
export const approvalRoutes = (services: Services, views: Views): Route[] => [
  ...decisionRoutes({
    place: "runs",
    parameter: "run",
    schema: "Run",
    ids: { decide: "decideOnRun", review: "reviewEmergency" },
    tag,
    words: "run",
    decide: async (id, body, context) => views.run(await services.runs.decide(id, body, context)),
    review: async (id, body, context) => views.run(await services.runs.review(id, body, context)),
  }),
  ...decisionRoutes({
    place: "restores",
    parameter: "restore",
    schema: "Restore",
    ids: { decide: "decideOnRestore", review: "reviewEmergencyRestore" },
    tag: "backups",
    words: "restore",
    decide: async (id, body, context) =>
      views.restore(await services.restores.decide(id, body, context)),
    review: async (id, body, context) =>
      views.restore(await services.restores.review(id, body, context)),
  }),
  ...decisionRoutes({
    place: "policy-changes",
    parameter: "policyChange",
    schema: "PolicyChange",
    ids: { decide: "decideOnPolicyChange", review: "reviewEmergencyPolicyChange" },
    tag: "policies",
    words: "change of a policy",
    decide: async (id, body, context) =>
      views.policyChange(await services.policies.decide(id, body, context)),
    review: async (id, body, context) =>
      views.policyChange(await services.policies.review(id, body, context)),
  }),
  route<TestEvidenceRequest, object>({
    method: "post",
    path: "/v1/databases/{database}/test-evidence",
    id: "recordTestEvidence",
    access: "operate",
    tag,
    summary: "Record that a plan was tested somewhere else",
    description:
      "Bound to the plan's digest: it may come before the run is asked for, and says nothing of any other " +
      "plan. Reports show it with every run of that plan.",
    request: TestEvidenceRequest,
    responses: { 201: { description: "What was recorded", schema: "TestEvidence" } },
    handle: async ({ params, body, context }) => {
      const { planDigest, environment, result, artifact, reference } = body;
      const evidence = withoutAbsent({ planDigest, environment, result, artifact, reference });
      const recorded = await services.tests.record(params["database"]!, evidence, context);
      return { status: 201, body: views.names.open(testEvidenceView(recorded)) };
    },
  }),
];
