import type { RunView } from "../../library/desk.ts";
import { defineCommand } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";

interface ReviewOptions extends SharedOptions {
  readonly verdict: string;
  readonly comment: string;
}

export const command = defineCommand<ReviewOptions>({
  arguments: [{ name: "<run>", description: "the run's id" }],
  options: [
    {
      flags: "--verdict <verdict>",
      description: "whether it was right",
      choices: ["accepted", "objected"],
      required: true,
    },
    { flags: "--comment <text>", description: "what was found, for the record", required: true },
  ],
  ledger: true,
  format: "review/1",
  members: { run: "the run as `GET /v1/runs/{run}` gives it" },
  examples: ['schemaledger review 01a2… --verdict accepted --comment "The index was missing"'],
  details: "Whoever ran it cannot review it. Until then every report names the run.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const { verdict, comment } = options;
    const client = await call.connect("write");
    const path = `/v1/runs/${encodeURIComponent(args[0]!)}/reviews`;
    const run = await client.post<RunView>(path, { verdict, comment });
    out.result({ run }, () => out.line(`Run ${run.id}: ${verdict}`));
  },
});
