import { RegisterDatabaseRequest } from "../dto/register-database.request.ts";
import { wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "databases";
const DATABASE = "/v1/databases/{database}";

/** Databases: take them under management, look at them. */
export const databaseRoutes = (services: Services, views: Views): Route[] => [
  route<RegisterDatabaseRequest, object>({
    method: "post",
    path: "/v1/databases",
    id: "registerDatabase",
    access: "operate",
    tag,
    summary: "Take a database under management",
    request: RegisterDatabaseRequest,
    responses: { 201: { description: "The database", schema: "Database" } },
    handle: async ({ body, context }) => {
      const database = await services.databases.register(body, context);
      return views.created("databases", database.name, views.database(database));
    },
  }),
  route({
    method: "get",
    path: "/v1/databases",
    id: "listDatabases",
    access: "read",
    reach: "listed",
    tag,
    summary: "List the databases by name",
    responses: { 200: { description: "All databases", schema: "DatabaseList" } },
    handle: ({ scope }) => {
      const seen = services.databases.list().filter(({ id }) => scope.allows(id));
      return { status: 200, body: wholePage(seen.map(views.database)) };
    },
  }),
  route({
    method: "get",
    path: DATABASE,
    id: "getDatabase",
    access: "read",
    tag,
    summary: "Look at a database: version, schema fingerprint, backups, checks, drift",
    responses: { 200: { description: "The database", schema: "Database" } },
    handle: ({ params }) => ({
      status: 200,
      body: views.database(services.databases.find(params["database"]!)),
    }),
  }),
];
