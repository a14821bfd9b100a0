import type { RunView } from "../../library/desk.ts";
import { defineCommand } from "../command.ts";
import { tone } from "../output.ts";
import { databaseName, databasePath, followRun } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface RollbackOptions extends SharedOptions {
  readonly to: string;
  readonly reason: string;
  readonly strategy?: string;
}

export const command = defineCommand<RollbackOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    {
      flags: "--to <version>",
      description: "undo every applied version above this one; 0 for all",
      required: true,
    },
    { flags: "--reason <text>", description: "why, for the record", required: true },
    {
      flags: "--strategy <strategy>",
      description: "how: auto (by down scripts if they are lossless, else by restoring a backup)",
      choices: ["auto", "down", "restore"],
    },
  ],
  ledger: true,
  confirms: true,
  format: "rollback/1",
  members: {
    database: "its registered name",
    run: "the run as `GET /v1/runs/{run}` gives it",
  },
  examples: ['schemaledger rollback shop --to 6 --reason "Release 1.4 is withdrawn"'],
  run: async (call) => {
    const { args, options, out } = call;
    const { to, reason, strategy } = options;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    await call.confirm(`Roll ${name} back to version ${to}?`);
    const body = { to, reason, ...(strategy === undefined ? {} : { strategy }) };
    const { id } = await client.post<RunView>(databasePath(name, "rollbacks"), body);
    const run = await followRun(call, client, id);
    out.result({ database: name, run }, () =>
      out.line(
        `${tone("good", "Done:")} ${name} is at version ${run.to ?? "0 (before all)"} (run ${id})`,
      ),
    );
  },
});
