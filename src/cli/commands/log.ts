import { InvalidInput } from "../../domain/shared/errors.ts";
import type { Client, Query } from "../client/client.ts";
import { defineCommand, type Call } from "../command.ts";
import type { Output } from "../output.ts";
import { databaseName, whole } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface LogOptions extends SharedOptions {
  readonly type?: readonly string[];
  readonly actor?: string;
  readonly run?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly reverse?: boolean;
  readonly csv?: boolean;
}

interface Event {
  readonly index: number;
  readonly time: string;
  readonly type: string;
  readonly database?: string;
  readonly actor: { readonly name: string };
  readonly data: { readonly [member: string]: unknown } | null;
}

const PAGE = 1000;

export const command = defineCommand<LogOptions>({
  arguments: [{ name: "[database]", description: "only the events of this database" }],
  options: [
    { flags: "--type <type...>", description: "only events of these types; repeatable" },
    { flags: "--actor <name>", description: "only what this actor did" },
    { flags: "--run <id>", description: "only the events of this run" },
    { flags: "--from <time>", description: "not before this time (RFC 3339)" },
    { flags: "--to <time>", description: "not after this time (RFC 3339)" },
    { flags: "-n, --limit <n>", description: "at most this many: the newest ones" },
    { flags: "--reverse", description: "newest first" },
    { flags: "--csv", description: "print CSV" },
  ],
  ledger: true,
  format: "log/1",
  members: {
    "…": "no document: one event a line (NDJSON), as `GET /v1/audit/events` gives them",
  },
  examples: [
    "schemaledger log shop -n 20",
    "schemaledger log --type StepApplied --type StepFailed --from 2026-01-01T00:00:00Z",
    "schemaledger log --json > history.ndjson",
  ],
  details:
    "--json prints one event a line, as the API gives it. Without --limit, --json and --csv print the whole\n" +
    "history up to the moment of the call while it is read, however long it is; if the service breaks off,\n" +
    "the command fails with `answer-broken-off`.\n",
  run: async (call) => {
    const { options, out } = call;
    const client = await call.connect("read");
    const query = await queryOf(client, call);
    const type = options.csv === true ? "text/csv" : out.json ? "application/x-ndjson" : undefined;
    if (type !== undefined && options.limit === undefined) return all(call, client, query, type);
    if (options.csv === true) return csv(call, client, query);
    for await (const events of pagesOf(client, query, options)) {
      call.signal.throwIfAborted();
      if (out.json) for (const event of events) out.raw(`${JSON.stringify(event)}\n`);
      else print(out, events);
    }
  },
});

function print(out: Output, events: readonly Event[]): void {
  out.table(
    ["index", "time", "event", "database", "actor", "what"],
    events.map((event) => [
      event.index,
      event.time,
      event.type,
      event.database,
      event.actor.name,
      summaryOf(event),
    ]),
  );
}

async function queryOf(client: Client, { args, options }: Call<LogOptions>): Promise<Query> {
  const database = args[0] === undefined ? undefined : await databaseName(client, args[0]);
  const { type, actor, run: runId, from, to } = options;
  return { database, type: type?.join(","), actor, runId, from, to };
}

function limitOf({ limit }: LogOptions): number | undefined {
  if (limit === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(limit)) return Number(limit);
  throw new InvalidInput("config-invalid", "--limit: it is not a number from 1", {
    hint: "Leave it away for all events",
  });
}

/**
 * Page by page, so that no history is too long. With a limit the newest ones, which are gathered to be
 * shown in the order asked for.
 */
async function* pagesOf(
  client: Client,
  query: Query,
  options: LogOptions,
): AsyncGenerator<Event[]> {
  const limit = limitOf(options);
  if (limit === undefined) {
    yield* read(client, { ...query, order: options.reverse === true ? "desc" : "asc" });
    return;
  }
  const newest: Event[] = [];
  for await (const page of read(client, { ...query, order: "desc" }, limit)) newest.push(...page);
  yield options.reverse === true ? newest : newest.toReversed();
}

async function* read(
  client: Client,
  query: Query,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Event[]> {
  let after: number | undefined;
  for (let left = limit; left > 0;) {
    const page = await client.get<{ items: Event[]; next: string | null }>("/v1/audit/events", {
      ...query,
      limit: Math.min(PAGE, left),
      after,
    });
    yield page.items;
    if (page.next === null) return;
    left -= page.items.length;
    after = page.items.at(-1)!.index;
  }
}

/** Everything, passed on as the service writes it. */
async function all(
  { options, out, signal }: Call<LogOptions>,
  client: Client,
  query: Query,
  type: string,
): Promise<void> {
  const order = options.reverse === true ? "desc" : "asc";
  const pieces = client.stream("/v1/audit/events", type, { ...query, order, limit: "all" });
  for await (const piece of pieces) {
    signal.throwIfAborted();
    out.raw(piece);
  }
}

/** The newest events as CSV, in order, as the service writes it: its pages one after the other, under one head. */
async function csv(
  { out, options }: Call<LogOptions>,
  client: Client,
  query: Query,
): Promise<void> {
  let isFirst = true;
  for await (const events of pagesOf(client, query, { ...options, reverse: false }))
    for (let from = 0; from < events.length || (isFirst && from === 0); from += PAGE) {
      const part = events.slice(from, from + PAGE);
      const text = await whole(
        client.stream("/v1/audit/events", "text/csv", {
          ...query,
          order: "asc",
          limit: Math.max(part.length, 1),
          after: part[0] === undefined || part[0].index === 0 ? undefined : part[0].index - 1,
        }),
      );
      out.raw(isFirst ? text : text.slice(text.indexOf("\n") + 1));
      isFirst = false;
    }
}

/** The members that tell most in one line. */
function summaryOf({ data }: Event): string {
  if (data === null) return "(erased)";
  const shown = [
    "version",
    "name",
    "tool",
    "table",
    "code",
    "outcome",
    "status",
    "reason",
    "purpose",
  ];
  return shown
    .filter((member) => typeof data[member] === "string")
    .map((member) => String(data[member]))
    .join(" · ")
    .slice(0, 80);
}
