import type { Point } from "../../domain/ledger/points.ts";
import type { DatabaseState } from "../../domain/state/state.ts";
import { BlameQuery, DiffQuery, SchemaQuery } from "../dto/schema.query.ts";
import { DEFAULT_LIMIT } from "../paging.ts";
import { placeIn, placeOf } from "../place-cursor.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { blameItems, blameView } from "../views/blame-view.ts";
import { changesBetween, ddl, ddlDiff, type Side } from "../views/schema-view.ts";
import type { Views } from "../views/views.ts";

const SQL = "application/sql";
const DIFF = "text/x-diff";
const SCHEMA = "/v1/databases/{database}/schema";
const tag = "schema";

/** Schemas: now, at any point of the past, between two points, and who made what of them. */
export const schemaRoutes = (services: Services, views: Views): Route[] => [
  route<object, SchemaQuery>({
    method: "get",
    path: SCHEMA,
    id: "getSchema",
    access: "read",
    tag,
    summary: "The schema a database has, or had at a time or just after an event",
    description:
      "`at` is an event's index or an RFC 3339 time. With `Accept: application/sql` the answer is " +
      "a script that builds the schema.",
    query: SchemaQuery,
    responses: { 200: { description: "The schema", schema: "Schema", types: [SQL] } },
    handle: async ({ params, query, accepts }) => {
      const database = services.databases.find(params["database"]!);
      const point = await services.points.find(query.at);
      const { fingerprint, schema, since } = await services.schemas.schemaAt(database, point.index);
      if (accepts("application/json", SQL) === SQL) {
        const title = `${database.name} at event ${point.index}, ${point.time}, ${fingerprint}`;
        return { status: 200, text: ddl(title, schema), type: `${SQL}; charset=utf-8` };
      }
      const { name, engineVersion } = database;
      const at = { index: point.index, time: point.time };
      const body = { database: name, ...at, fingerprint, engineVersion, since, objects: schema };
      return { status: 200, body };
    },
  }),
  route<object, DiffQuery>({
    method: "get",
    path: `${SCHEMA}/diff`,
    id: "diffSchema",
    access: "read",
    tag,
    summary: "What changed between two points, or between the ledger and the live database",
    description:
      "`from` and `to` are an event's index, an RFC 3339 time, `ledger` (the newest event) or " +
      "`live`. Without them the ledger is compared with the live database.",
    query: DiffQuery,
    responses: { 200: { description: "The changes", schema: "SchemaDiff", types: [DIFF] } },
    handle: async ({ params, query, accepts }) => {
      const database = services.databases.find(params["database"]!);
      const from = await side(services, database, query.from ?? "ledger");
      const to = await side(services, database, query.to ?? "live");
      if (accepts("application/json", DIFF) === DIFF) {
        const text = ddlDiff(database.name, from, to, services.diffTexts);
        return { status: 200, text, type: `${DIFF}; charset=utf-8` };
      }
      return { status: 200, body: await diffView(services, database, from, to) };
    },
  }),
  route<object, BlameQuery>({
    method: "get",
    path: `${SCHEMA}/blame`,
    id: "blameSchema",
    access: "read",
    tag,
    summary:
      "Who made each table, column, constraint, index, view and trigger, and changed it last",
    description:
      "Follows renamed tables and columns and rebuilt tables. `made` and `changed` name the " +
      "migration, run, event, actor and time.",
    query: BlameQuery,
    responses: { 200: { description: "A page of parts", schema: "BlameList" } },
    handle: async ({ params, query }) => {
      const database = services.databases.find(params["database"]!);
      const cursor = query.after === undefined ? undefined : placeOf(query.after);
      const at = cursor === undefined ? query.at : String(cursor.index);
      const { index } = await services.points.find(at);
      const { blame } = await services.schemas.blameAt(database, index);
      const items = blameItems(blame, query);
      const start = cursor?.place ?? 0;
      const end = start + (query.limit ?? DEFAULT_LIMIT);
      const shown = items.slice(start, end);
      const next = end < items.length ? placeIn({ index, place: end }) : null;
      const view = shown.map((item) => blameView(item, database, views.names));
      return { status: 200, body: { items: view, next, database: database.name, index } };
    },
  }),
];

async function side(services: Services, database: DatabaseState, at: string): Promise<Side> {
  if (at === "live") {
    const { fingerprint, schema } = await services.drift.live(database);
    return { point: "live", index: null, fingerprint, schema };
  }
  const point: Point = await services.points.find(at === "ledger" ? undefined : at);
  const { fingerprint, schema } = await services.schemas.schemaAt(database, point.index);
  return { point: "ledger", index: point.index, fingerprint, schema };
}

async function diffView(
  services: Services,
  database: DatabaseState,
  from: Side,
  to: Side,
): Promise<object> {
  const shown = ({ point, index, fingerprint }: Side): object => ({ point, index, fingerprint });
  const newest = services.projection.state.size - 1;
  const [first, last] = [from.index ?? newest, to.index ?? newest];
  return {
    database: database.name,
    from: shown(from),
    to: shown(to),
    equal: from.fingerprint === to.fingerprint,
    changes: changesBetween(from, to, services.dialects(database.engine), services.diffTexts),
    renames: first < last ? await services.schemas.renamesBetween(database, first, last) : [],
    running: database.openRuns.size > 0,
  };
}
