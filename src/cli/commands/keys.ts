import { defineCommand, defineSubcommand } from "../command.ts";
import type { Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** The databases that it is limited to; null: all. */
  readonly databases: readonly string[] | null;
  readonly issuedAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
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
        ["id", "name", "roles", "databases", "issued", "expires", "last used", "revoked"],
        items.map((key) => [
          key.id,
          key.name,
          key.roles.join(", "),
          key.databases === null ? "all" : key.databases.join(", "),
          key.issuedAt,
          key.expiresAt,
          key.lastUsedAt,
          key.revokedAt,
        ]),
      ),
    );
  },
});

interface IssueOptions extends SharedOptions {
  readonly role: readonly string[];
  readonly database?: readonly string[];
  readonly owner?: string;
  readonly expires?: string;
}

const issue = defineSubcommand<IssueOptions>({
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
    { flags: "--database <name...>", description: "limit it to these databases; repeatable" },
    { flags: "--owner <name>", description: "who holds it: keys of one owner act as one person" },
    { flags: "--expires <time>", description: "when it ends, in RFC 3339 (default: never)" },
  ],
  ledger: true,
  format: "keys.issue/1",
  members: {
    "…": "the key as `POST /v1/keys` gives it, with its `token`",
  },
  examples: [
    "schemaledger keys issue pipeline --role operator",
    "schemaledger keys issue ann --role approver --owner ann --database shop --expires 2027-01-01T00:00:00Z",
  ],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const { role: roles, database: databases, owner, expires: expiresAt } = options;
    const body = {
      name: args[0],
      roles,
      ...(databases === undefined ? {} : { databases }),
      ...(owner === undefined ? {} : { owner }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
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
