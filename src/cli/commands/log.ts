import { InvalidInput } from "../../domain/shared/errors.ts";
import type { Client, Query } from "../client/client.ts";
import { defineCommand, type Call } from "../command.ts";
import { databaseName } from "../resources.ts";
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
  details: "--json prints one event a line, as the API gives it.\n",
  run: async (call) => {
    const client = await call.connect("read");
    const query = await queryOf(client, call);
    if (call.options.csv === true) return csv(call, client, query);
    const events = await eventsOf(client, query, limitOf(call.options));
    if (call.out.json) for (const event of events) call.out.raw(`${JSON.stringify(event)}\n`);
    else
      call.out.table(
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
  },
});

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

/** With a limit the newest ones; in the order asked for. */
async function eventsOf(client: Client, query: Query, limit: number | undefined): Promise<Event[]> {
  const order = limit === undefined ? "asc" : "desc";
  const events: Event[] = [];
  for (let after: number | undefined; limit === undefined || events.length < limit;) {
    const page = Math.min(PAGE, limit === undefined ? PAGE : limit - events.length);
    const answer = await client.get<{ items: Event[]; next: string | null }>("/v1/audit/events", {
      ...query,
      order,
      limit: page,
      after,
    });
    events.push(...answer.items);
    if (answer.next === null || answer.items.length === 0) break;
    after = answer.items.at(-1)!.index;
  }
  return order === "asc" ? events : events.toReversed();
}

async function csv(
  { out, options }: Call<LogOptions>,
  client: Client,
  query: Query,
): Promise<void> {
  const limit = Math.min(limitOf(options) ?? PAGE, PAGE);
  const order = options.limit === undefined ? "asc" : "desc";
  const text = client.stream("/v1/audit/events", "text/csv", { ...query, order, limit });
  for await (const piece of text) out.raw(piece);
}

/** The members that tell most in one line. */
function summaryOf({ data }: Event): string {
  if (data === null) return "(erased)";
  const shown = ["version", "name", "code", "outcome", "status", "reason", "purpose"];
  return shown
    .filter((member) => typeof data[member] === "string")
    .map((member) => String(data[member]))
    .join(" · ")
    .slice(0, 80);
}
