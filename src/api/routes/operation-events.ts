import { InvalidInput } from "../../domain/shared/errors.ts";
import { describeError } from "../../infra/telemetry/logger.ts";
import { AfterQuery } from "../dto/list.query.ts";
import { DEFAULT_LIMIT } from "../paging.ts";
import { route, type Route } from "../route.ts";
import { OperationStream, type Operation } from "../operation-stream.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { accessed, eventPage } from "./audit.ts";

const SSE = "text/event-stream";

/** What is followed, and how its route is called. */
interface Followed {
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly what: string;
  readonly find: (id: string) => Promise<Operation>;
}

/** The events of one run, as a list or live. */
export const runEventRoutes = (services: Services, views: Views): Route[] => [
  eventRoute(services, views, {
    path: "/v1/runs/{run}/events",
    id: "getRunEvents",
    tag: "runs",
    what: "run",
    find: async (id) => {
      const run = await services.runs.find(id);
      const ended = (): object | undefined => {
        const { status, outcome } = run;
        return run.ended === null ? undefined : { id: run.id, status, outcome };
      };
      return { id: run.id, correlation: run.id, ended };
    },
  }),
];

/** The events of one restore, as a list or live. Those of a run's restore are the run's. */
export const restoreEventRoutes = (services: Services, views: Views): Route[] => [
  eventRoute(services, views, {
    path: "/v1/restores/{restore}/events",
    id: "getRestoreEvents",
    tag: "backups",
    what: "restore",
    find: async (id) => {
      const restore = await services.restores.find(id);
      const ended = (): object | undefined => {
        const { status } = restore;
        return restore.ended === null ? undefined : { id: restore.id, status };
      };
      return { id: restore.id, correlation: restore.runId ?? restore.id, ended };
    },
  }),
];

/** The events of one recovery, as a list or live. Its run has a stream of its own. */
export const recoveryEventRoutes = (services: Services, views: Views): Route[] => [
  eventRoute(services, views, {
    path: "/v1/recoveries/{recovery}/events",
    id: "getRecoveryEvents",
    tag: "recovery",
    what: "recovery",
    find: async (id) => {
      const recovery = await services.recoveries.find(id);
      const ended = (): object | undefined => {
        const { status } = recovery;
        return recovery.ended === null ? undefined : { id: recovery.id, status };
      };
      return { id: recovery.id, correlation: recovery.id, ended };
    },
  }),
];

const eventRoute = (services: Services, views: Views, followed: Followed): Route =>
  route<object, AfterQuery>({
    method: "get",
    path: followed.path,
    id: followed.id,
    access: "read",
    tag: followed.tag,
    summary: `The events of a ${followed.what}; with \`Accept: text/event-stream\` live, with progress`,
    description:
      "The stream sends past events first (after `Last-Event-ID`, an event index), then live ones; " +
      "`progress` events carry no id; `end` is the last one.",
    query: AfterQuery,
    responses: { 200: { description: "The events", schema: "EventList", types: [SSE] } },
    handle: async ({ params, query, headers, accepts, context }) => {
      const operation = await followed.find(params[followed.what]!);
      const note = (format: string, items: number): void => {
        const access = accessed(followed.id, `?${followed.what}=${operation.id}`, format, items);
        services.accesses.note(context, access);
      };
      if (accepts("application/json", SSE) === SSE) {
        note(SSE, 0);
        const after = lastEventId(headers["last-event-id"]) ?? query.after ?? -1;
        return {
          type: `${SSE}; charset=utf-8`,
          stream: (sink) => {
            const { clock } = services.identity;
            const mayRead = (): boolean => views.keys.isGood(context.authn.keyId, clock.now());
            new OperationStream(services, views.events, operation, after, sink, { mayRead })
              .run()
              .catch((error) => {
                // The status line is sent: all that is left is to end the stream and say so here.
                const message = "A stream of events failed";
                services.log({ level: "error", message, ...describeError(error) });
              });
          },
        };
      }
      const { limit = DEFAULT_LIMIT, after } = query;
      const filter = {
        correlation: operation.correlation,
        order: "asc",
        limit: limit + 1,
      } as const;
      const rows = await services.audit.rows(after === undefined ? filter : { ...filter, after });
      note("application/json", Math.min(rows.length, limit));
      return eventPage(views, rows, limit);
    },
  });

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && /^\d{1,15}$/.test(header)) return Number(header);
  throw new InvalidInput("last-event-id-invalid", "Last-Event-ID must be the index of an event", {
    hint: "Send the id of the last event received, unchanged",
  });
}
