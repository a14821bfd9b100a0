import type { RunView } from "../../library/desk.ts";
import { defineCommand } from "../command.ts";
import { tone } from "../output.ts";
import { databaseName, databasePath, followRun } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface RehearseOptions extends SharedOptions {
  readonly to?: string;
  readonly withDown?: boolean;
}

/** What is shown of a rehearsal. */
interface Rehearsal {
  readonly steps: readonly {
    readonly version: string;
    readonly direction: string;
    readonly durationMs: number;
    readonly rows: readonly unknown[];
  }[];
  readonly lossless?: boolean;
}

export const command = defineCommand<RehearseOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    { flags: "--to <version>", description: "stop at this version (default: the newest)" },
    { flags: "--with-down", description: "execute the down scripts afterwards, and the ups again" },
  ],
  ledger: true,
  format: "rehearse/1",
  members: {
    database: "its registered name",
    run: "the run as `GET /v1/runs/{run}` gives it; `rehearsal` has what each step did",
  },
  examples: ["schemaledger rehearse shop", "schemaledger rehearse shop --with-down --json"],
  details: "Works on a restored copy of a fresh, verified backup: the database is not changed.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const { to, withDown } = options;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const body = {
      ...(to === undefined ? {} : { to }),
      ...(withDown === undefined ? {} : { withDown }),
    };
    const { id } = await client.post<RunView>(databasePath(name, "rehearsals"), body);
    const run = await followRun(call, client, id);
    const rehearsal = (run as unknown as { readonly rehearsal: Rehearsal | null }).rehearsal;
    out.result({ database: name, run }, () => {
      if (rehearsal === null) return out.line("Nothing to rehearse.");
      out.table(
        ["version", "direction", "ms", "tables with other row counts"],
        rehearsal.steps.map(({ version, direction, durationMs, rows }) => [
          version,
          direction,
          String(durationMs),
          String(rows.length),
        ]),
      );
      if (rehearsal.lossless !== undefined)
        out.line(
          rehearsal.lossless
            ? "Down and up again brings every row back."
            : `${tone("warn", "warning:")} down and up again does not bring every row back: roll back by restore`,
        );
      out.line(`${tone("good", "Passed:")} ${name} itself was not changed (run ${id})`);
    });
  },
});
