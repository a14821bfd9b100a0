import { defineCommand } from "../command.ts";
import { databaseName, databasePath } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

export const command = defineCommand<SharedOptions & { readonly at?: string }>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    {
      flags: "--at <point>",
      description: "as of an event's index or an RFC 3339 time (default: now)",
    },
  ],
  ledger: true,
  format: "schema/1",
  members: {
    "…": "as `GET /v1/databases/{database}/schema` gives it",
  },
  examples: ["schemaledger schema shop", "schemaledger schema shop --at 2026-01-01T00:00:00Z"],
  details: "Prints the script that builds the schema.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("read");
    const path = databasePath(await databaseName(client, args[0]!), "schema");
    const query = { at: options.at };
    if (out.json) return out.document("schema/1", await client.get<object>(path, query));
    for await (const piece of client.stream(path, "application/sql", query)) out.raw(piece);
  },
});
