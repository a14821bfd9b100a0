import { defineCommand, defineSubcommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { firstLine } from "../first-line.ts";
import { change, secret } from "./alerts-change.ts";
import type { Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Alert {
  readonly index: number;
  readonly severity: string;
  readonly code: string;
  readonly database: string | null;
  readonly message: string;
  readonly raisedAt: string;
  readonly open: boolean;
  readonly waitsFor: readonly string[];
  readonly deadFor: readonly string[];
}

interface Target {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly place: string;
  readonly queued: number;
  readonly deadLetters: number;
  readonly delivered: number;
  readonly lastFailure: { readonly at: string; readonly error: { message: string } } | null;
}

interface Tested {
  readonly delivered: boolean;
  readonly error: { readonly message: string; readonly hint?: string } | null;
  readonly durationMs: number;
}

interface DeadLetter {
  readonly alert: number;
  readonly code: string;
  readonly severity: string;
  readonly attempts: number;
  readonly at: string;
  readonly error: { readonly message: string };
}

const TARGET = [{ name: "<target>", description: "its name or id" }];
const pathOf = (target: string, rest = ""): string =>
  `/v1/alert-targets/${encodeURIComponent(target)}${rest}`;

interface ListOptions {
  readonly limit?: string;
  readonly open?: boolean;
}

const list = defineSubcommand<SharedOptions & ListOptions>({
  name: "list",
  summary: "List the alerts that were raised, newest first",
  options: [
    { flags: "-n, --limit <n>", description: "how many (default: 20)" },
    { flags: "--open", description: "those alone whose trouble lasts" },
  ],
  ledger: true,
  format: "alerts.list/1",
  members: { items: "alerts as `GET /v1/alerts` gives them", next: "cursor of the next page" },
  examples: ["schemaledger alerts list -n 5"],
  run: async ({ options, out, connect }) => {
    const client = await connect("read");
    const query = {
      limit: options.limit ?? "20",
      open: options.open === true ? "true" : undefined,
    };
    const page = await client.get<Page<Alert>>("/v1/alerts", query);
    out.result({ ...page }, () =>
      out.table(
        ["event", "raised", "lasts", "severity", "code", "database", "not with", "message"],
        page.items.map((one) => [
          String(one.index),
          one.raisedAt,
          one.open ? "yes" : null,
          one.severity,
          one.code,
          one.database,
          [...one.waitsFor, ...one.deadFor].join(", "),
          one.message,
        ]),
      ),
    );
  },
});

const targets = defineSubcommand<SharedOptions>({
  name: "targets",
  summary: "List where alerts are sent, and what waits",
  ledger: true,
  format: "alerts.targets/1",
  members: { items: "targets as `GET /v1/alert-targets` gives them" },
  examples: ["schemaledger alerts targets"],
  run: async ({ out, connect }) => {
    const { items } = await (await connect("read")).get<Page<Target>>("/v1/alert-targets");
    out.result({ items }, () =>
      out.table(
        ["name", "kind", "place", "delivered", "waiting", "dead", "last failure"],
        items.map((one) => [
          one.name,
          one.kind,
          one.place,
          String(one.delivered),
          String(one.queued),
          String(one.deadLetters),
          one.lastFailure === null
            ? null
            : `${one.lastFailure.at} ${one.lastFailure.error.message}`,
        ]),
      ),
    );
  },
});

interface AddOptions extends SharedOptions {
  readonly kind: string;
  readonly url?: string;
  readonly urlFile?: string;
  readonly secretFile?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly username?: string;
  readonly severity?: string;
  readonly code?: readonly string[];
  readonly database?: readonly string[];
  readonly privateAddresses?: boolean;
}

const add = defineSubcommand<AddOptions>({
  name: "add",
  summary: "Send alerts to a place from now on",
  arguments: [{ name: "<name>", description: "what the target is called" }],
  options: [
    {
      flags: "--kind <kind>",
      description: "the form in which it takes alerts",
      choices: ["webhook", "slack", "alertmanager", "mail"],
      required: true,
    },
    { flags: "--url <url>", description: "where it is; for mail smtp://host:port or smtps://…" },
    {
      flags: "--url-file <file>",
      description: "file that holds the url, where it is a secret by itself",
    },
    {
      flags: "--secret-file <file>",
      description:
        "file that holds the secret: webhook's signing secret, Authorization of an alertmanager, password of a mail server",
    },
    { flags: "--from <address>", description: "mail: the sender" },
    { flags: "--to <address...>", description: "mail: the recipients; repeatable" },
    { flags: "--username <name>", description: "mail: for the server, with --secret-file" },
    {
      flags: "--severity <severity>",
      description: "critical: those alone",
      choices: ["critical", "warning"],
    },
    { flags: "--code <code...>", description: "alerts of these codes alone; repeatable" },
    { flags: "--database <name...>", description: "alerts of these databases alone; repeatable" },
    {
      flags: "--private-addresses",
      description: "it may be at a private address, and without TLS",
    },
  ],
  ledger: true,
  format: "alerts.add/1",
  members: { "…": "the target as `POST /v1/alert-targets` gives it, a webhook with its `secret`" },
  examples: [
    "schemaledger alerts add operators --kind webhook --url https://hooks.example.org/x",
    "schemaledger alerts add on-call --kind mail --url smtp://mail.example.org:587 --from s@example.org --to a@example.org --severity critical",
  ],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const body = {
      name: args[0],
      kind: options.kind,
      url: options.urlFile === undefined ? options.url : await firstLine(options.urlFile),
      ...(await secretOf(options)),
      from: options.from,
      to: options.to,
      username: options.username,
      severity: options.severity,
      codes: options.code,
      databases: options.database,
      privateAddresses: options.privateAddresses,
    };
    const added = await client.post<Target & { readonly secret?: string }>(
      "/v1/alert-targets",
      JSON.parse(JSON.stringify(body)) as object,
    );
    out.result(added, () => {
      out.note(`Alerts are sent to ${added.name} (${added.place}) from now on`);
      if (added.secret === undefined) return;
      out.note("The secret that signs them, shown this once:");
      out.line(added.secret);
    });
  },
});

const test = defineSubcommand<SharedOptions>({
  name: "test",
  summary: "Send a message now, and say whether it arrived",
  arguments: TARGET,
  ledger: true,
  format: "alerts.test/1",
  members: { "…": "what became of it, as `POST …/tests` gives it" },
  examples: ["schemaledger alerts test operators"],
  details: "Exit code 1 if it did not arrive.\n",
  run: async ({ args, out, connect }) => {
    const client = await connect("write");
    const tested = await client.post<Tested>(pathOf(args[0]!, "/tests"), {});
    const { delivered, error, durationMs } = tested;
    out.result(tested, () => {
      if (delivered) out.line(`It arrived (${durationMs} ms)`);
      else out.line(`It did not arrive: ${error!.message}${error!.hint ? `\n${error!.hint}` : ""}`);
    });
    return delivered ? EXIT.done : EXIT.failed;
  },
});

const deadLetters = defineSubcommand<SharedOptions>({
  name: "dead-letters",
  summary: "List the alerts that a target was not told of in the end",
  arguments: TARGET,
  ledger: true,
  format: "alerts.dead/1",
  members: {
    items: "dead letters as `GET …/dead-letters` gives them",
    next: "cursor of the next page",
  },
  examples: ["schemaledger alerts dead-letters operators"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const page = await client.get<Page<DeadLetter>>(pathOf(args[0]!, "/dead-letters"));
    out.result({ ...page }, () =>
      out.table(
        ["alert", "given up", "severity", "code", "attempts", "why"],
        page.items.map((one) => [
          String(one.alert),
          one.at,
          one.severity,
          one.code,
          String(one.attempts),
          one.error.message,
        ]),
      ),
    );
  },
});

const replay = defineSubcommand<SharedOptions & { readonly reason?: string }>({
  name: "replay",
  summary: "Send dead letters again, behind what waits",
  arguments: [
    ...TARGET,
    { name: "[alerts...]", description: "event indexes of the alerts (default: all)" },
  ],
  options: [{ flags: "--reason <text>", description: "why, for the record" }],
  ledger: true,
  format: "alerts.replay/1",
  members: { "…": "the target as `GET /v1/alert-targets/{target}` gives it" },
  examples: ["schemaledger alerts replay operators"],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const [name, ...alerts] = args;
    const body = {
      ...(alerts.length === 0 ? {} : { alerts: alerts.map(Number) }),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    };
    const target = await client.post<Target>(pathOf(name!, "/replays"), body);
    out.result(target, () => out.line(`${target.queued} alerts wait to be sent to ${target.name}`));
  },
});

const remove = defineSubcommand<SharedOptions & { readonly reason?: string }>({
  name: "remove",
  summary: "Send no more alerts to a target",
  arguments: TARGET,
  options: [{ flags: "--reason <text>", description: "why, for the record" }],
  ledger: true,
  confirms: true,
  format: "alerts.remove/1",
  members: { target: "the target as it was named" },
  examples: ["schemaledger alerts remove operators --reason unused"],
  run: async ({ args, options, out, connect, confirm }) => {
    const client = await connect("write");
    await confirm(`Remove the target ${args[0]}? What waits for it is dropped`);
    await client.delete(pathOf(args[0]!), { reason: options.reason });
    out.result({ target: args[0] }, () => out.line(`${args[0]} is not told of alerts any more`));
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [list, targets, add, change, secret, test, deadLetters, replay, remove],
  run: () => Promise.resolve(),
});

/** A secret on the command line would be in its history, and in the list of processes. */
async function secretOf({ kind, secretFile }: AddOptions): Promise<object> {
  if (secretFile === undefined) return {};
  const secret = await firstLine(secretFile);
  if (kind === "alertmanager") return { authorization: secret };
  return kind === "mail" ? { password: secret } : { secret };
}
