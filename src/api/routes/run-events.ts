import { InvalidInput } from "../../domain/shared/errors.ts";
import { describeError } from "../../infra/telemetry/logger.ts";
import { AfterQuery } from "../dto/list.query.ts";
import { DEFAULT_LIMIT } from "../paging.ts";
import { route, type Route } from "../route.ts";
import { RunStream } from "../run-stream.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";
import { eventPage } from "./audit.ts";

const SSE = "text/event-stream";

/** The events of one run, as a list or live. */
export const runEventRoutes = (services: Services, views: Views): Route[] => [
  route<object, AfterQuery>({
    method: "get",
    path: "/v1/runs/{run}/events",
    id: "getRunEvents",
    access: "read",
    tag: "runs",
    summary: "The events of a run; with `Accept: text/event-stream` live, with progress",
    description:
      "The stream sends past events first (after `Last-Event-ID`, an event index), then live ones; " +
      "`progress` events carry no id; `end` is the last one.",
    query: AfterQuery,
    responses: { 200: { description: "The events", schema: "EventList", types: [SSE] } },
    handle: async ({ params, query, headers, accepts }) => {
      const run = await services.runs.find(params["run"]!);
      if (accepts("application/json", SSE) === SSE) {
        const after = lastEventId(headers["last-event-id"]) ?? query.after ?? -1;
        return {
          type: `${SSE}; charset=utf-8`,
          stream: (sink) => {
            new RunStream(services, views.events, run, after, sink).run().catch((error) => {
              // The status line is sent: all that is left is to end the stream and say so here.
              const message = "A stream of events failed";
              services.log({ level: "error", message, ...describeError(error) });
            });
          },
        };
      }
      const { limit = DEFAULT_LIMIT, after } = query;
      const filter = { correlation: run.id, order: "asc", limit: limit + 1 } as const;
      const rows = services.audit.rows(after === undefined ? filter : { ...filter, after });
      return eventPage(views, rows, limit);
    },
  }),
];

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header === "string" && /^\d{1,15}$/.test(header)) return Number(header);
  throw new InvalidInput("last-event-id-invalid", "Last-Event-ID must be the index of an event", {
    hint: "Send the id of the last event received, unchanged",
  });
}
