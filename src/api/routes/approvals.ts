import { ApprovalRequest, ReviewRequest } from "../dto/approval.request.ts";
import { TestEvidenceRequest } from "../dto/test-evidence.request.ts";
import { testEvidenceView } from "../views/test-evidence-view.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "runs";

/** What people decide about runs: approvals before, reviews of emergencies afterwards. */
export const approvalRoutes = (services: Services, views: Views): Route[] => [
  route<ApprovalRequest, object>({
    method: "post",
    path: "/v1/runs/{run}/approvals",
    id: "decideOnRun",
    access: "approve",
    tag,
    summary: "Approve or reject a run that has not begun, or take an own approval back",
    description:
      "An approval is bound to the plan's digest. The requester of the run and the authors of its migrations cannot approve it.",
    request: ApprovalRequest,
    responses: { 200: { description: "The run", schema: "Run" } },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.decide(params["run"]!, body, context);
      return { status: 200, body: views.run(run) };
    },
  }),
  route<ReviewRequest, object>({
    method: "post",
    path: "/v1/runs/{run}/reviews",
    id: "reviewEmergency",
    access: "approve",
    tag,
    summary: "Review an emergency run after its end",
    request: ReviewRequest,
    responses: { 200: { description: "The run", schema: "Run" } },
    handle: async ({ params, body, context }) => {
      const run = await services.runs.review(params["run"]!, body, context);
      return { status: 200, body: views.run(run) };
    },
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
