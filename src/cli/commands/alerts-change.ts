import { InvalidInput } from "../../domain/shared/errors.ts";
import { defineSubcommand } from "../command.ts";
import { firstLine } from "../first-line.ts";
import type { SharedOptions } from "../shared-options.ts";

interface Target {
  readonly name: string;
  readonly kind: string;
  readonly place: string;
}

const TARGET = [{ name: "<target>", description: "its name or id" }];
const pathOf = (target: string, rest = ""): string =>
  `/v1/alert-targets/${encodeURIComponent(target)}${rest}`;

interface ChangeOptions extends SharedOptions {
  readonly name?: string;
  readonly url?: string;
  readonly urlFile?: string;
  readonly secretFile?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly username?: string;
  readonly severity?: string;
  readonly code?: readonly string[];
  readonly database?: readonly string[];
  readonly privateAddresses?: string;
}

/** Takes a limit away. */
const ALL = "all";

/** Changes where a target is, and what it is told of. */
export const change = defineSubcommand<ChangeOptions>({
  name: "change",
  summary: "Change a target; what waits for it is tried at once",
  arguments: TARGET,
  options: [
    { flags: "--name <name>", description: "another name" },
    { flags: "--url <url>", description: "where it is" },
    {
      flags: "--url-file <file>",
      description: "file that holds the url, where it is a secret by itself",
    },
    {
      flags: "--secret-file <file>",
      description: "file that holds the Authorization of an alertmanager, or a mail password",
    },
    { flags: "--from <address>", description: "mail: the sender" },
    { flags: "--to <address...>", description: "mail: the recipients; repeatable" },
    { flags: "--username <name>", description: "mail: for the server" },
    {
      flags: "--severity <severity>",
      description: "critical: those alone; warning: all",
      choices: ["critical", "warning"],
    },
    { flags: "--code <code...>", description: "alerts of these codes alone; all: of every code" },
    {
      flags: "--database <name...>",
      description: "alerts of these databases alone; all: of every one, and of the service",
    },
    {
      flags: "--private-addresses <yes|no>",
      description: "whether it may be at a private address, and without TLS",
      choices: ["yes", "no"],
    },
  ],
  ledger: true,
  format: "alerts.change/1",
  members: { "…": "the target as `PATCH /v1/alert-targets/{target}` gives it" },
  examples: [
    "schemaledger alerts change operators --url https://hooks.example.org/y",
    "schemaledger alerts change on-call --severity critical --database all",
  ],
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const path = pathOf(args[0]!);
    const { kind } = await client.get<Target>(path);
    const body = await bodyOf(options, kind);
    if (Object.keys(body).length === 0)
      throw new InvalidInput("nothing-to-change", "Nothing is to be changed", {
        hint: "Give what is to be otherwise; --help lists it",
      });
    const changed = await client.patch<Target>(path, body);
    out.result(changed, () =>
      out.line(`Alerts are sent to ${changed.name} (${changed.place}) from now on`),
    );
  },
});

async function bodyOf(options: ChangeOptions, kind: string): Promise<object> {
  const { secretFile, urlFile, privateAddresses } = options;
  const body = {
    name: options.name,
    url: urlFile === undefined ? options.url : await firstLine(urlFile),
    ...(secretFile === undefined ? {} : { [memberOf(kind)]: await firstLine(secretFile) }),
    from: options.from,
    to: options.to,
    username: options.username,
    severity: options.severity,
    codes: limit(options.code),
    databases: limit(options.database),
    privateAddresses: privateAddresses === undefined ? undefined : privateAddresses === "yes",
  };
  return JSON.parse(JSON.stringify(body)) as object;
}

const limit = (names: readonly string[] | undefined): readonly string[] | null | undefined =>
  names?.length === 1 && names[0] === ALL ? null : names;

function memberOf(kind: string): string {
  if (kind === "alertmanager") return "authorization";
  if (kind === "mail") return "password";
  throw new InvalidInput("alert-target-invalid", `A target of kind ${kind} has no such secret`, {
    hint:
      kind === "webhook"
        ? "schemaledger alerts secret makes another one"
        : "Its url is its secret: --url-file",
  });
}

interface SecretOptions {
  readonly only?: boolean;
  readonly endPrevious?: boolean;
}

/** Another secret for a webhook: the one before signs too, until it is renewed again. */
export const secret = defineSubcommand<SharedOptions & SecretOptions>({
  name: "secret",
  summary: "Make another secret for a webhook; it is shown this once",
  arguments: TARGET,
  options: [
    {
      flags: "--only",
      description: "the secret before signs no more from now on (default: both sign)",
    },
    {
      flags: "--end-previous",
      description: "make none: the newest signs alone from now on",
    },
  ],
  ledger: true,
  format: "alerts.secret/1",
  members: {
    "…": "the target as `POST …/secrets` gives it, with its `secret`; with --end-previous `target`",
  },
  examples: [
    "schemaledger alerts secret operators",
    "schemaledger alerts secret operators --end-previous",
  ],
  details:
    "To renew it without a gap: make one, give it to the receiver, and end the one before with --end-previous\nwhen the receiver has it. Until then both sign. --only is for a secret that others know.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    if (options.endPrevious === true) {
      await client.delete(pathOf(args[0]!, "/secrets/previous"));
      out.result({ target: args[0] }, () =>
        out.line(`The newest secret alone signs what is sent to ${args[0]}`),
      );
      return;
    }
    const body = options.only === true ? { keepPrevious: false } : {};
    const made = await client.post<Target & { readonly secret: string }>(
      pathOf(args[0]!, "/secrets"),
      body,
    );
    out.result(made, () => {
      const both = options.only === true ? "alone" : "and the one before it";
      out.note(`This secret ${both} sign what is sent to ${made.name}, shown this once:`);
      out.line(made.secret);
    });
  },
});
