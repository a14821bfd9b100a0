import type { RunView } from "../../library/desk.ts";
import { defineCommand } from "../command.ts";
import {
  CONSENT_OPTIONS,
  circumstancesOf,
  isWaiting,
  type ConsentFlags,
} from "../consent-options.ts";
import { EXIT } from "../exit-codes.ts";
import { tone } from "../output.ts";
import { databaseName, databasePath, followRun } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface RollbackOptions extends SharedOptions, ConsentFlags {
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
    ...CONSENT_OPTIONS,
  ],
  ledger: true,
  confirms: true,
  format: "rollback/1",
  members: {
    database: "its registered name",
    run: "the run as `GET /v1/runs/{run}` gives it; it may wait (exit code 3)",
  },
  examples: ['schemaledger rollback shop --to 6 --reason "Release 1.4 is withdrawn"'],
  run: async (call) => {
    const { args, options, out } = call;
    const { to, reason, strategy } = options;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    await call.confirm(`Roll ${name} back to version ${to}?`);
    const how = strategy === undefined ? {} : { strategy };
    const body = { to, reason, ...how, ...circumstancesOf(options) };
    const { id } = await client.post<RunView>(databasePath(name, "rollbacks"), body);
    const run = await followRun(call, client, id);
    if (isWaiting(run)) {
      out.result({ database: name, run }, () =>
        out.line(
          `${tone("warn", "Waiting:")} run ${id} of ${name} is ${run.status}; nothing was rolled back yet`,
        ),
      );
      return EXIT.refused;
    }
    out.result({ database: name, run }, () =>
      out.line(
        `${tone("good", "Done:")} ${name} is at version ${run.to ?? "0 (before all)"} (run ${id})`,
      ),
    );
    return EXIT.done;
  },
});
