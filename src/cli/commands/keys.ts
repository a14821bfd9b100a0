import { defineCommand, defineSubcommand } from "../command.ts";
import type { Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly issuedAt: string;
  readonly revokedAt: string | null;
}

const list = defineSubcommand<SharedOptions>({
  name: "list",
  summary: "List the API keys",
  ledger: true,
  format: "keys.list/1",
  members: {
    items: "keys as `GET /v1/keys` gives them",
  },
  examples: ["schemaledger keys list"],
  run: async ({ out, connect }) => {
    const { items } = await (await connect("read")).get<Page<Key>>("/v1/keys");
    out.result({ items }, () =>
      out.table(
        ["id", "name", "roles", "issued", "revoked"],
        items.map((key) => [key.id, key.name, key.roles.join(", "), key.issuedAt, key.revokedAt]),
      ),
    );
  },
});

const issue = defineSubcommand<SharedOptions & { readonly role: readonly string[] }>({
  name: "issue",
  summary: "Issue an API key; its token is shown this once",
  arguments: [{ name: "<name>", description: "whose key it is" }],
  options: [
    {
      flags: "--role <role...>",
      description: "what it may do; repeatable",
      choices: ["auditor", "operator", "approver", "admin"],
      required: true,
    },
  ],
  ledger: true,
  format: "keys.issue/1",
  members: {
    "…": "the key as `POST /v1/keys` gives it, with its `token`",
  },
  examples: ["schemaledger keys issue pipeline --role operator"],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const body = { name: args[0], roles: options.role };
    const key = await client.post<Key & { readonly token: string }>("/v1/keys", body);
    out.result(key, () => {
      out.note(
        `Key ${key.id} of ${key.name} (${key.roles.join(", ")}). Its token, shown this once:`,
      );
      out.line(key.token);
    });
  },
});

const revoke = defineSubcommand<SharedOptions & { readonly reason?: string }>({
  name: "revoke",
  summary: "Make an API key useless, for good",
  arguments: [{ name: "<id>", description: "the key's id" }],
  options: [{ flags: "--reason <text>", description: "why, for the record" }],
  ledger: true,
  confirms: true,
  format: "keys.revoke/1",
  members: {
    id: "the key's id",
  },
  examples: ['schemaledger keys revoke 01a2… --reason "The laptop was lost"'],
  run: async ({ args, options, out, connect, confirm }) => {
    const client = await connect("write");
    await confirm(`Revoke key ${args[0]}?`);
    await client.delete(`/v1/keys/${encodeURIComponent(args[0]!)}`, { reason: options.reason });
    out.result({ id: args[0] }, () => out.line(`Key ${args[0]} is revoked`));
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [list, issue, revoke],
  run: () => Promise.resolve(),
});
