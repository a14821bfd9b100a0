import type { RecordedEvent } from "../../domain/events.ts";
import { databaseIdOf, databaseStream } from "../../domain/events.ts";
import { newWebhookSecret } from "../../infra/alerting/standard-webhook.ts";
import type { Scope } from "../auth/scope.ts";
import {
  AlertQuery,
  AlertReplayRequest,
  AlertSecretRequest,
  AlertTargetChange,
  AlertTargetRemovalQuery,
  AlertTargetRequest,
} from "../dto/alert.request.ts";
import { PageQuery } from "../dto/list.query.ts";
import { breathe } from "../../infra/system/breathe.ts";
import { pageOf, wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { changedTarget, wantedTarget, withNewestSecret, withSecret } from "../wanted-target.ts";
import { alertView, deadLetterView } from "../views/alert-view.ts";
import type { Views } from "../views/views.ts";

const tag = "alerts";
const PATH = "/v1/alert-targets/{target}";
const ONE = { description: "The target", schema: "AlertTarget" };

/** Alerts, and where they are sent. */
export const alertRoutes = (services: Services, views: Views): Route[] => [
  ...listings(services, views),
  ...changes(services, views),
  ...deliveries(services, views),
];

const listings = (services: Services, views: Views): Route[] => [
  route<object, AlertQuery>({
    method: "get",
    path: "/v1/alerts",
    id: "listAlerts",
    access: "read",
    reach: "listed",
    tag,
    summary: "List the alerts that were raised, newest first; with open=true those that last",
    query: AlertQuery,
    responses: { 200: { description: "A page of alerts", schema: "AlertList" } },
    handle: async ({ query, scope }) => {
      const page = await pageOf(
        query,
        (asked) =>
          query.open === "true"
            ? openOf(services, asked, scope, query.database)
            : alertsOf(services, asked, scope, query.database),
        ({ index }) => index,
        (event) => alertView(event, services.projection.state, views.names),
      );
      return { status: 200, body: page };
    },
  }),
  route({
    method: "get",
    path: "/v1/alert-targets",
    id: "listAlertTargets",
    access: "read",
    tag,
    summary: "List where alerts are sent, and what waits for each",
    responses: { 200: { description: "All targets", schema: "AlertTargetList" } },
    handle: () => ({
      status: 200,
      body: wholePage(services.alertTargets.list().map(views.alertTarget)),
    }),
  }),
  route({
    method: "get",
    path: PATH,
    id: "getAlertTarget",
    access: "read",
    tag,
    summary: "Look at a target, by its id or name",
    responses: { 200: ONE },
    handle: ({ params }) => ({
      status: 200,
      body: views.alertTarget(services.alertTargets.find(params["target"]!)),
    }),
  }),
  route<object, PageQuery>({
    method: "get",
    path: `${PATH}/dead-letters`,
    id: "listDeadLetters",
    access: "read",
    tag,
    summary: "List the alerts that a target was not told of in the end, newest first",
    query: PageQuery,
    responses: { 200: { description: "A page of dead letters", schema: "DeadLetterList" } },
    handle: async ({ params, query }) => {
      const { dead } = services.alertTargets.find(params["target"]!);
      const page = await pageOf(
        query,
        ({ before = Infinity, limit }) =>
          Promise.resolve(
            dead
              .filter(({ died }) => died.index < before)
              .toReversed()
              .slice(0, limit),
          ),
        ({ died }) => died.index,
        deadLetterView,
      );
      return { status: 200, body: page };
    },
  }),
];

const changes = ({ alertTargets }: Services, views: Views): Route[] => [
  route<AlertTargetRequest, object>({
    method: "post",
    path: "/v1/alert-targets",
    id: "addAlertTarget",
    access: "administer",
    tag,
    summary: "Send alerts to a place from now on; a webhook's secret is shown in this answer alone",
    request: AlertTargetRequest,
    secretMembers: ["secret"],
    responses: { 201: { description: "The target", schema: "NewAlertTarget" } },
    handle: async ({ body, context }) => {
      const wanted = wantedTarget(body);
      const { address } = wanted;
      const target = await alertTargets.add(wanted, context);
      const secret = address.kind === "webhook" ? { secret: address.secrets[0] } : {};
      return views.created("alert-targets", target.id, { ...views.alertTarget(target), ...secret });
    },
  }),
  route<AlertTargetChange, object>({
    method: "patch",
    path: PATH,
    id: "changeAlertTarget",
    access: "administer",
    tag,
    summary: "Change a target; what waits for it is tried at once",
    request: AlertTargetChange,
    responses: { 200: ONE },
    handle: async ({ params, body, context }) => {
      const target = await alertTargets.change(
        params["target"]!,
        (now, known) => changedTarget(now, known, body),
        context,
      );
      return { status: 200, body: views.alertTarget(target) };
    },
  }),
  route<AlertSecretRequest, object>({
    method: "post",
    path: `${PATH}/secrets`,
    id: "renewAlertSecret",
    access: "administer",
    tag,
    summary: "Make another secret for a webhook; it is shown in this answer alone",
    request: AlertSecretRequest,
    secretMembers: ["secret"],
    responses: { 201: { description: "The target", schema: "NewAlertTarget" } },
    handle: async ({ params, body, context }) => {
      const secret = newWebhookSecret();
      const target = await alertTargets.change(
        params["target"]!,
        (now, known) => withSecret(now, known, secret, body.keepPrevious !== false),
        context,
      );
      return views.created("alert-targets", target.id, { ...views.alertTarget(target), secret });
    },
  }),
  route({
    method: "delete",
    path: `${PATH}/secrets/previous`,
    id: "endPreviousAlertSecret",
    access: "administer",
    tag,
    summary: "End the time in which a webhook's secret before the newest signs, too",
    responses: { 204: { description: "Only the newest secret signs" } },
    handle: async ({ params, context }) => {
      await alertTargets.change(params["target"]!, withNewestSecret, context);
      return { status: 204 };
    },
  }),
  route<object, AlertTargetRemovalQuery>({
    method: "delete",
    path: PATH,
    id: "removeAlertTarget",
    access: "administer",
    tag,
    summary: "Send no more alerts to a target; what waits for it is dropped",
    query: AlertTargetRemovalQuery,
    responses: { 204: { description: "It is removed" } },
    handle: async ({ params, query, context }) => {
      const { reason = "no reason given" } = query;
      await alertTargets.remove(params["target"]!, reason, context);
      return { status: 204 };
    },
  }),
];

const deliveries = ({ alertTargets }: Services, views: Views): Route[] => [
  route({
    method: "post",
    path: `${PATH}/tests`,
    id: "testAlertTarget",
    access: "administer",
    tag,
    summary: "Send a message now, past the queue, and say whether it arrived",
    responses: { 200: { description: "What became of it", schema: "AlertTest" } },
    handle: async ({ params, context }) => ({
      status: 200,
      body: await alertTargets.test(params["target"]!, context),
    }),
  }),
  route<AlertReplayRequest, object>({
    method: "post",
    path: `${PATH}/replays`,
    id: "replayDeadLetters",
    access: "administer",
    tag,
    summary: "Send dead letters again, behind what waits",
    request: AlertReplayRequest,
    responses: { 200: ONE },
    handle: async ({ params, body, context }) => ({
      status: 200,
      body: views.alertTarget(await alertTargets.replay(params["target"]!, body, context)),
    }),
  }),
];

const CHUNK = 200;

type Raised = RecordedEvent & { readonly type: "AlertRaised" };

async function alertsOf(
  { ledger, databases }: Services,
  { before, limit }: { readonly before?: number; readonly limit: number },
  scope: Scope,
  database: string | undefined,
): Promise<readonly Raised[]> {
  const stream = database && { stream: databaseStream(databases.find(database).id) };
  const found: Raised[] = [];
  let after = before;
  for (;;) {
    const types = ["AlertRaised"] as const;
    // Of those that a limited key may see there can be few among many.
    const query = { types, order: "desc", limit: Math.max(limit, CHUNK), ...stream } as const;
    const events = await ledger.read({ ...query, ...(after === undefined ? {} : { after }) });
    for (const event of events)
      if (event.type === "AlertRaised" && isWithin(scope, event)) found.push(event);
    after = events.at(-1)?.index;
    if (found.length >= limit || events.length < query.limit) return found.slice(0, limit);
    await breathe();
  }
}

/** Found by the state: they may be old, and few among many. */
async function openOf(
  { ledger, databases, projection }: Services,
  { before = Infinity, limit }: { readonly before?: number; readonly limit: number },
  scope: Scope,
  database: string | undefined,
): Promise<readonly Raised[]> {
  const only = database && databases.find(database).id;
  const indexes = [...projection.state.openAlerts.values()]
    .filter(({ databaseId }) => scope.allows(databaseId ?? ""))
    .filter(({ databaseId }) => only === undefined || databaseId === only)
    .map(({ last }) => last.index)
    .filter((index) => index < before)
    .toSorted((a, b) => b - a)
    .slice(0, limit);
  const found = await Promise.all(
    indexes.map((index) => ledger.read({ after: index - 1, limit: 1, order: "asc" })),
  );
  return found.flat().filter((event) => event.type === "AlertRaised");
}

/** Those about the service are of no single database: whoever is limited to some does not see them. */
function isWithin(scope: Scope, { stream }: Raised): boolean {
  const id = databaseIdOf(stream);
  return scope.allows(id ?? "");
}
