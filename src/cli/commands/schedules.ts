import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import type { Client } from "../client/client.ts";
import { defineCommand, defineSubcommand, type ArgumentSpec, type OptionSpec } from "../command.ts";
import { toned, type Cell } from "../output.ts";
import { databaseName, databasePath, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

const TASKS = ["backup", "integrity-check", "drift-check", "scrub", "drill", "prune"];

interface Firing {
  readonly due: string;
  readonly caughtUp: boolean;
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Schedule {
  readonly id: string;
  readonly database: string;
  readonly name: string;
  readonly task: string;
  readonly level: string | null;
  readonly cron: string;
  readonly timeZone: string;
  readonly jitterSeconds: number;
  readonly catchUp: string;
  readonly status: string;
  readonly missed: number;
  readonly skipped: number;
  readonly failures: number;
  readonly last: Firing | null;
  readonly lastSucceededAt: string | null;
  readonly next: readonly string[];
  readonly recent: readonly Firing[];
}

interface Timing {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly jitter?: string;
  readonly catchUp?: string;
  readonly level?: string;
  readonly reason?: string;
}

const DATABASE: ArgumentSpec = {
  name: "<database>",
  description: "a registered name, or the file",
};
const NAME: ArgumentSpec = { name: "<name>", description: "the schedule's name, or its id" };
const REASON: OptionSpec = { flags: "--reason <text>", description: "why, for the record" };
const TIMING: readonly OptionSpec[] = [
  { flags: "--time-zone <name>", description: "whose clock counts (default: UTC)" },
  { flags: "--jitter <seconds>", description: "do it up to so much later" },
  {
    flags: "--catch-up <how>",
    description: "make up once for what was missed, or only record it (default: once)",
    choices: ["once", "skip"],
  },
  { flags: "--level <level>", description: "of integrity checks", choices: ["quick", "full"] },
  REASON,
];
const SHOWN = { "…": "the schedule as `GET /v1/schedules/{schedule}` gives it" };

const list = defineSubcommand<SharedOptions>({
  name: "list",
  summary: "List schedules with what became of them last",
  arguments: [{ name: "[database]", description: "a name or file; without it all databases" }],
  ledger: true,
  format: "schedules.list/1",
  members: { items: "schedules as `GET /v1/schedules` gives them" },
  examples: ["schemaledger schedules list", "schemaledger schedules list shop"],
  run: async ({ args: [text], out, connect }) => {
    const client = await connect("read");
    const path =
      text === undefined
        ? "/v1/schedules"
        : databasePath(await databaseName(client, text), "schedules");
    const { items } = await client.get<Page<Schedule>>(path);
    out.result({ items }, () => {
      if (items.length === 0)
        out.line('Nothing is scheduled: schemaledger schedules create DATABASE backup "0 3 * * *"');
      else
        out.table(
          ["database", "name", "task", "when", "time zone", "status", "last", "missed"],
          items.map((one) => [
            one.database,
            one.name,
            one.task,
            one.cron,
            one.timeZone,
            statusCell(one),
            one.last === null ? null : `${one.last.status} ${one.last.due}`,
            one.missed,
          ]),
        );
    });
  },
});

const create = defineSubcommand<SharedOptions & Timing & { readonly name?: string }>({
  name: "create",
  summary: "Have something done time and again",
  arguments: [
    DATABASE,
    { name: "<task>", description: "what is done", choices: TASKS },
    { name: "<cron>", description: "when: minute, hour, day, month, weekday" },
  ],
  options: [
    { flags: "--name <name>", description: "how it is called (default: as the task)" },
    ...TIMING,
  ],
  ledger: true,
  format: "schedules.create/1",
  members: SHOWN,
  examples: [
    'schemaledger schedules create shop backup "0 3 * * *" --time-zone Europe/Vienna',
    'schemaledger schedules create shop drill "0 5 * * SUN" --jitter 600',
  ],
  details: "Only a running service does what is scheduled.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const name = await databaseName(client, args[0]!);
    const asked = { task: args[1], cron: args[2], name: options.name, ...timingOf(options) };
    const one = await client.post<Schedule>(databasePath(name, "schedules"), given(asked));
    out.result(one, () => out.line(`Schedule ${one.name} of ${one.database}: next ${one.next[0]}`));
  },
});

const show = defineSubcommand<SharedOptions>({
  name: "show",
  summary: "Show when a schedule is due, and what became of it",
  arguments: [DATABASE, NAME],
  ledger: true,
  format: "schedules.show/1",
  members: SHOWN,
  examples: ["schemaledger schedules show shop backup"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const one = await client.get<Schedule>(await pathOf(client, args));
    out.result(one, () => {
      out.facts([
        ["schedule", one.name],
        ["database", one.database],
        ["task", one.level === null ? one.task : `${one.task} (${one.level})`],
        ["when", `${one.cron}, ${one.timeZone}`],
        ["status", statusCell(one)],
        ["next", one.next.join(", ") || null],
        ["last succeeded", one.lastSucceededAt],
        ["missed", one.missed],
        ["skipped", one.skipped],
        ["catch up", one.catchUp],
        ["jitter", one.jitterSeconds === 0 ? null : `${one.jitterSeconds} s`],
      ]);
      if (one.recent.length === 0) return;
      out.line();
      out.table(
        ["due", "status", "made up for", "error"],
        one.recent.map(({ due, status, caughtUp, error }) => [
          due,
          toned(status === "failed" ? "bad" : status === "aborted" ? "warn" : "good", status),
          caughtUp ? "yes" : null,
          error === null ? null : `${error.message} (${error.code})`,
        ]),
      );
    });
  },
});

const change = defineSubcommand<SharedOptions & Timing>({
  name: "change",
  summary: "Change when a schedule is due, or how",
  arguments: [DATABASE, NAME],
  options: [{ flags: "--cron <expression>", description: "when" }, ...TIMING],
  ledger: true,
  format: "schedules.change/1",
  members: SHOWN,
  examples: ['schemaledger schedules change shop backup --cron "30 2 * * *"'],
  run: async ({ args, options, out, connect }) => {
    const body = given({ cron: options.cron, ...timingOf(options) });
    if (Object.keys(body).every((member) => member === "reason"))
      throw new InvalidInput("nothing-to-change", "Nothing is to be changed", {
        hint: "Give --cron, --time-zone, --jitter, --catch-up or --level",
      });
    const client = await connect("write");
    const one = await client.patch<Schedule>(await pathOf(client, args), body);
    out.result(one, () => out.line(`Schedule ${one.name} of ${one.database} is changed`));
  },
});

const resting = (name: "pause" | "resume", paused: boolean, summary: string) =>
  defineSubcommand<SharedOptions & { readonly reason?: string }>({
    name,
    summary,
    arguments: [DATABASE, NAME],
    options: [REASON],
    ledger: true,
    format: `schedules.${name}/1`,
    members: SHOWN,
    examples: [`schemaledger schedules ${name} shop backup`],
    run: async ({ args, options: { reason }, out, connect }) => {
      const client = await connect("write");
      const one = await client.patch<Schedule>(
        await pathOf(client, args),
        given({ paused, reason }),
      );
      out.result(one, () => out.line(`Schedule ${one.name} of ${one.database} is ${one.status}`));
    },
  });

const remove = defineSubcommand<SharedOptions & { readonly reason?: string }>({
  name: "delete",
  summary: "Delete a schedule",
  arguments: [DATABASE, NAME],
  options: [REASON],
  ledger: true,
  confirms: true,
  format: "schedules.delete/1",
  members: { id: "the schedule's id" },
  examples: ["schemaledger schedules delete shop backup"],
  run: async ({ args, options: { reason }, out, connect, confirm }) => {
    const client = await connect("write");
    const path = await pathOf(client, args);
    await confirm(`Delete schedule ${args[1]} of ${args[0]}?`);
    await client.delete(path, { reason });
    out.result({ id: path.split("/").at(-1) }, () => out.line(`Schedule ${args[1]} is deleted`));
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [
    list,
    create,
    show,
    change,
    resting("pause", true, "Have a schedule rest"),
    resting("resume", false, "Have a schedule go on"),
    remove,
  ],
  run: () => Promise.resolve(),
});

async function pathOf(client: Client, [text, wanted]: readonly string[]): Promise<string> {
  const database = await databaseName(client, text!);
  const { items } = await client.get<Page<Schedule>>(databasePath(database, "schedules"));
  const found = items.find(({ id, name }) => name === wanted || id === wanted);
  if (found !== undefined) return `/v1/schedules/${found.id}`;
  throw new NotFound("schedule-not-found", `${database} has no schedule ${wanted}`, {
    hint: `schemaledger schedules list ${database}`,
  });
}

/** The service says what is wrong with a number that is none. */
function timingOf({ timeZone, jitter, catchUp, level, reason }: Timing): object {
  const jitterSeconds = jitter === undefined ? undefined : Number(jitter);
  return { timeZone, jitterSeconds, catchUp, level, reason };
}

const given = (members: object): object =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

const statusCell = ({ status, failures }: Schedule): Cell =>
  status === "failing" || failures > 0
    ? toned("bad", `${status} (${failures})`)
    : toned(status === "paused" ? "warn" : "good", status);
