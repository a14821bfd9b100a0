import { RUN_STATUSES } from "../../domain/state/statuses.ts";
import type { RunView } from "../../library/desk.ts";
import { defineCommand, defineSubcommand } from "../command.ts";
import { printFindings } from "../findings.ts";
import { LIST_OPTIONS, listQuery, noteNext, type ListOptions } from "../listing.ts";
import { plain, toned, type Cell } from "../output.ts";
import { databaseName, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { durationText } from "../sizes.ts";

interface Run extends RunView {
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly requestedBy: { readonly name: string };
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

interface Filter extends ListOptions {
  readonly status?: string;
  readonly kind?: string;
}

const list = defineSubcommand<SharedOptions & Filter>({
  name: "list",
  summary: "List runs, newest first",
  arguments: [{ name: "[database]", description: "a name or file; without it all databases" }],
  options: [
    { flags: "--status <status>", description: "only these", choices: RUN_STATUSES },
    { flags: "--kind <kind>", description: "only these", choices: ["migrate", "rollback"] },
    ...LIST_OPTIONS,
  ],
  ledger: true,
  format: "runs.list/1",
  members: {
    items: "runs as `GET /v1/runs` gives them",
    next: "for `--after`, where the list goes on; null at its end",
  },
  examples: ["schemaledger runs list shop", "schemaledger runs list --status awaiting-approval"],
  run: async ({ args: [text], options, out, connect }) => {
    const { status, kind } = options;
    const asked = listQuery(options);
    const client = await connect("read");
    const database = text === undefined ? undefined : await databaseName(client, text);
    const page = await client.get<Page<Run>>("/v1/runs", { ...asked, database, status, kind });
    out.result(page, () => {
      if (page.items.length === 0) return out.line("There is none");
      out.table(
        ["id", "database", "kind", "status", "to", "steps", "requested at", "by", "took"],
        page.items.map((run) => [
          run.id,
          run.database,
          run.kind,
          statusCell(run),
          run.to,
          run.steps.length,
          run.requestedAt,
          run.requestedBy.name,
          run.durationMs === null ? null : durationText(run.durationMs),
        ]),
      );
      noteNext(out, page);
    });
  },
});

const show = defineSubcommand<SharedOptions>({
  name: "show",
  summary: "Look at a run, its steps and what was found",
  arguments: [{ name: "<run>", description: "its id" }],
  ledger: true,
  format: "runs.show/1",
  members: { "…": "the run as `GET /v1/runs/{run}` gives it" },
  examples: ["schemaledger runs show 01a2191e-333e-76f7-afa1-c0fda71b1cb9"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const run = await client.get<Run>(`/v1/runs/${encodeURIComponent(args[0]!)}`);
    out.result(run, () => {
      out.facts([
        ["run", run.id],
        ["database", run.database],
        ["kind", run.kind],
        ["status", statusCell(run)],
        ["to", run.to],
        ["requested", `${run.requestedAt} by ${run.requestedBy.name}`],
        ["reason", run.reason],
        ["ticket", run.ticket],
        ["started at", run.startedAt],
        ["ended at", run.endedAt],
        ["backup", run.backupId],
        ["plan digest", run.planDigest],
        ["error", run.error === null ? null : `${run.error.message} (${run.error.code})`],
      ]);
      if (run.steps.length === 0) return;
      out.line();
      out.table(
        ["version", "name", "status", "took", "error"],
        run.steps.map((step) => [
          step.version,
          step.name,
          step.status,
          step.durationMs === null ? null : durationText(step.durationMs),
          step.error === undefined ? null : plain(step.error.message),
        ]),
      );
      printFindings(
        out,
        run.steps.flatMap(({ findings }) => findings ?? []),
      );
    });
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [list, show],
  run: () => Promise.resolve(),
});

const BAD = new Set(["failed", "rejected"]);

const statusCell = ({ status }: Run): Cell =>
  toned(status === "succeeded" ? "good" : BAD.has(status) ? "bad" : "warn", status);
