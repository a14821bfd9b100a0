import { readMetrics } from "../../domain/audit/metrics.ts";
import { resolvePeriod } from "../../domain/audit/period.ts";
import type { AuditRow } from "../../domain/audit/audit-log.ts";
import { databaseStream } from "../../domain/events.ts";
import type { EventQuery } from "../../domain/ledger/ledger.ts";
import { AuditQuery } from "../dto/audit.query.ts";
import { MetricsQuery } from "../dto/metrics.query.ts";
import { DEFAULT_LIMIT } from "../paging.ts";
import { route, type Route, type WholeAnswer } from "../route.ts";
import type { Services } from "../services.ts";
import { EVENT_CSV_HEAD, eventCsv } from "../views/event-csv.ts";
import { metricsView } from "../views/metrics-view.ts";
import type { Views } from "../views/views.ts";
import { CSV, NDJSON, WholeHistories, type Sent } from "../whole-history.ts";

/** The audit history: every event, filtered. */
export function auditRoutes(services: Services, views: Views): Route[] {
  const whole = new WholeHistories(services, views);
  return [
    route<object, AuditQuery>({
      method: "get",
      path: "/v1/audit/events",
      id: "listEvents",
      access: "read",
      tag: "audit",
      summary: "The audit history: who did what to which database, when, from where",
      description:
        "Complete and in order. `next` is the index to pass as `after`; in the other content types " +
        "a `Link` header with `rel=next` says the same. `limit=all` sends everything up to the newest event of " +
        "this moment as fast as it is taken: `Ledger-Size` says how far that is, the trailers `Event-Count` " +
        "and `Content-Digest` come with the end alone, and an answer that was broken off ends without the " +
        "last chunk of its encoding.",
      query: AuditQuery,
      responses: {
        200: { description: "A page of events", schema: "EventList", types: [NDJSON, CSV] },
      },
      handle: async ({ query, accepts, url, context }) => {
        const { limit = DEFAULT_LIMIT } = query;
        const type = accepts("application/json", NDJSON, CSV);
        const filter = eventQuery(services, query);
        if (limit === "all") {
          const note = (sent: Sent): void =>
            services.accesses.note(context, { ...accessed("listEvents", url, type, 0), ...sent });
          return whole.answer({ filter, type, context, note });
        }
        const rows = await services.audit.rows({ ...filter, limit: limit + 1 });
        const items = Math.min(rows.length, limit);
        services.accesses.note(context, accessed("listEvents", url, type, items));
        if (type === "application/json") return eventPage(views, rows, limit);
        const shown = rows.slice(0, limit);
        const text =
          type === CSV
            ? EVENT_CSV_HEAD + eventCsv(shown, views.names)
            : (await views.events.rows(shown)).map((line) => `${line}\n`).join("");
        const next = rows.length > limit ? { Link: nextLink(url, shown.at(-1)!.index) } : {};
        return { status: 200, text, type: `${type}; charset=utf-8`, headers: next };
      },
    }),
    route<object, MetricsQuery>({
      method: "get",
      path: "/v1/audit/metrics",
      id: "readMetrics",
      access: "read",
      tag: "audit",
      summary: "Runs, failures, recoveries, durations, rows, backups and checks of a period",
      description:
        "In all, by database, by migration and by UTC day. A step much slower than its rehearsal is a " +
        "finding.",
      query: MetricsQuery,
      responses: { 200: { description: "The metrics", schema: "Metrics" } },
      handle: async ({ query, url, context }) => {
        const { from, to, database } = query;
        const stream =
          database === undefined ? undefined : databaseStream(services.databases.find(database).id);
        const period = await resolvePeriod(services.ledger, {
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
        });
        const metrics = await readMetrics(services.scan, period, stream);
        services.accesses.note(context, accessed("readMetrics", url, "application/json", 1));
        return { status: 200, body: metricsView(metrics, views.names) };
      },
    }),
  ];
}

/** An answer with audit data, as it is recorded. */
export const accessed = (operation: string, url: string, format: string, items: number) => ({
  operation,
  query: Object.fromEntries(new URLSearchParams(url.split("?", 2)[1] ?? "")),
  format,
  items,
});

/** A page of events, of whose rows there is one more than `limit` if the history goes on. */
export async function eventPage(
  views: Views,
  rows: readonly AuditRow[],
  limit: number,
): Promise<WholeAnswer> {
  const more = rows.length > limit;
  const shown = more ? rows.slice(0, limit) : rows;
  const next = more ? `"${shown.at(-1)!.index}"` : "null";
  const items = (await views.events.rows(shown)).join(",");
  return { status: 200, text: `{"items":[${items}],"next":${next}}` };
}

function eventQuery(services: Services, query: AuditQuery): Omit<EventQuery, "limit"> {
  const { database, actor, type, runId, correlationId, from, to, after, order = "asc" } = query;
  const correlation = runId ?? correlationId;
  return {
    order,
    ...(database === undefined
      ? {}
      : { stream: databaseStream(services.databases.find(database).id) }),
    ...(actor === undefined ? {} : { actor: actorId(services, actor) }),
    ...(type === undefined ? {} : { types: [...new Set(type)] }),
    ...(correlation === undefined ? {} : { correlation }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(after === undefined ? {} : { after }),
  };
}

/** A pseudonym, a key's id or a key's name. */
function actorId({ projection, texts }: Services, actor: string): string {
  const keys = [...projection.state.keys.values()];
  return (
    keys.findLast(({ id, name }) => id === actor || texts.open(name) === actor)?.actorId ?? actor
  );
}

function nextLink(url: string, after: number): string {
  const [path, search] = url.split("?", 2);
  const query = new URLSearchParams(search);
  query.set("after", String(after));
  return `<${path}?${query.toString()}>; rel="next"`;
}
