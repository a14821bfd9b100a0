import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";

const SQL = "application/sql";

/** The schema a database has by the ledger. */
export const schemaRoute = (services: Services): Route =>
  route({
    method: "get",
    path: "/v1/databases/{database}/schema",
    id: "getSchema",
    access: "read",
    tag: "databases",
    summary: "The schema a database has by the ledger",
    responses: { 200: { description: "The schema", schema: "Schema", types: [SQL] } },
    handle: ({ params, accepts }) => {
      const database = services.databases.find(params["database"]!);
      const { name, fingerprint, engineVersion, schema } = database;
      if (accepts("application/json", SQL) === SQL)
        return {
          status: 200,
          text: schema.map(({ sql }) => `${sql};\n`).join("\n"),
          type: `${SQL}; charset=utf-8`,
        };
      const index = services.projection.state.size - 1;
      return {
        status: 200,
        body: { database: name, index, fingerprint, engineVersion, objects: schema },
      };
    },
  });
