import { defineCommand } from "../command.ts";
import { databaseName, databasePath, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Origin {
  readonly kind: string;
  readonly migration?: { readonly version: string };
  readonly eventIndex: number;
  readonly time: string;
  readonly actor: { readonly name: string };
}

interface Part {
  readonly type: string;
  readonly name: string | null;
  readonly table: string;
  readonly kind?: string;
  readonly made: Origin;
  readonly changed: Origin;
}

export const command = defineCommand<SharedOptions & { readonly at?: string }>({
  arguments: [
    { name: "<database>", description: "a registered name, or the file" },
    { name: "[object]", description: "only this table, view, index or trigger" },
  ],
  options: [
    { flags: "--at <point>", description: "as of an event's index or a time (default: now)" },
  ],
  ledger: true,
  format: "blame/1",
  members: {
    database: "its registered name",
    items: "parts of the schema, as `GET /v1/databases/{database}/schema/blame` gives them",
  },
  examples: ["schemaledger blame shop", "schemaledger blame shop orders"],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("read");
    const name = await databaseName(client, args[0]!);
    const parts: Part[] = [];
    for (let after: string | undefined; ;) {
      const query = { object: args[1], at: options.at, limit: 1000, after };
      const page = await client.get<Page<Part>>(databasePath(name, "schema/blame"), query);
      parts.push(...page.items);
      if (page.next === null) break;
      after = page.next;
    }
    out.result({ database: name, items: parts }, () => {
      if (parts.length === 0) return out.line("There is no such part of the schema.");
      return out.table(
        ["part", "of", "made by", "changed by", "actor", "when", "event"],
        parts.map(({ type, name: part, table, kind, made, changed }) => [
          `${type} ${part ?? kind ?? ""}`.trim(),
          part === table ? null : table,
          originText(made),
          originText(changed),
          changed.actor.name,
          changed.time,
          changed.eventIndex,
        ]),
      );
    });
  },
});

const originText = ({ kind, migration }: Origin): string => migration?.version ?? kind;
