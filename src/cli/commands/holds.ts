import { defineCommand, defineSubcommand, type ArgumentSpec, type OptionSpec } from "../command.ts";
import { databaseName, databasePath, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Hold {
  readonly id: string;
  readonly backupId: string | null;
  readonly reason: string;
  readonly placedBy: { readonly name: string };
  readonly placedAt: string;
}

const DATABASE: ArgumentSpec = {
  name: "<database>",
  description: "a registered name, or the file",
};
const REASON: OptionSpec = {
  flags: "--reason <text>",
  description: "why, for the record",
  required: true,
};
const SHOWN = { "…": "the hold as `GET /v1/legal-holds/{hold}` gives it" };

const list = defineSubcommand<SharedOptions>({
  name: "list",
  summary: "List the holds that are in force",
  arguments: [DATABASE],
  ledger: true,
  format: "holds.list/1",
  members: { items: "holds as `GET /v1/databases/{database}/legal-holds` gives them" },
  examples: ["schemaledger holds list shop"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const name = await databaseName(client, args[0]!);
    const { items } = await client.get<Page<Hold>>(databasePath(name, "legal-holds"));
    out.result({ items }, () => {
      if (items.length === 0) return out.line(`Nothing of ${name} is held`);
      out.table(
        ["id", "holds", "placed at", "by", "reason"],
        items.map((hold) => [
          hold.id,
          hold.backupId ?? "every backup",
          hold.placedAt,
          hold.placedBy.name,
          hold.reason,
        ]),
      );
    });
  },
});

const place = defineSubcommand<
  SharedOptions & { readonly backup?: string; readonly reason: string }
>({
  name: "place",
  summary: "Keep a backup, or all of a database, from being pruned",
  arguments: [DATABASE],
  options: [
    {
      flags: "--backup <id>",
      description: "only this one (default: every backup, those to come included)",
    },
    REASON,
  ],
  ledger: true,
  format: "holds.place/1",
  members: SHOWN,
  examples: ['schemaledger holds place shop --reason "Case 2026-17"'],
  run: async ({ args, options: { backup, reason }, out, connect }) => {
    const client = await connect("write");
    const name = await databaseName(client, args[0]!);
    const body = { ...(backup === undefined ? {} : { backupId: backup }), reason };
    const hold = await client.post<Hold>(databasePath(name, "legal-holds"), body);
    out.result(hold, () => {
      const held = hold.backupId === null ? "Every backup" : `Backup ${hold.backupId}`;
      out.line(`${held} of ${name} is kept until hold ${hold.id} is released`);
    });
  },
});

const release = defineSubcommand<SharedOptions & { readonly reason: string }>({
  name: "release",
  summary: "Release a hold: the policy decides again what is kept",
  arguments: [{ name: "<hold>", description: "its id" }],
  options: [REASON],
  ledger: true,
  confirms: true,
  format: "holds.release/1",
  members: SHOWN,
  examples: [
    'schemaledger holds release 01a2191e-377e-71a7-8543-2c2e0995b6fb --reason "Case closed"',
  ],
  run: async ({ args, options: { reason }, out, connect, confirm }) => {
    const client = await connect("write");
    const path = `/v1/legal-holds/${encodeURIComponent(args[0]!)}`;
    const { id, backupId } = await client.get<Hold>(path);
    const held = backupId === null ? "every backup of its database" : `backup ${backupId}`;
    await confirm(`Release hold ${id} on ${held}?`);
    const hold = await client.post<Hold>(`${path}/releases`, { reason });
    out.result(hold, () => out.line(`Hold ${id} on ${held} is released`));
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [list, place, release],
  run: () => Promise.resolve(),
});
