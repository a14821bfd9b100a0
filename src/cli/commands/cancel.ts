import { defineCommand } from "../command.ts";
import type { RunView } from "../../library/desk.ts";
import type { SharedOptions } from "../shared-options.ts";

export const command = defineCommand<SharedOptions & { readonly reason: string }>({
  arguments: [{ name: "<run>", description: "the run's id" }],
  options: [{ flags: "--reason <text>", description: "why, for the record", required: true }],
  ledger: true,
  format: "cancel/1",
  members: {
    run: "the run as `GET /v1/runs/{run}` gives it",
  },
  examples: ['schemaledger cancel 01a2… --reason "Wrong window" --server http://127.0.0.1:7447'],
  details:
    "A step in progress is rolled back. A run of another process on the directory is\ncancelled by that process: press Ctrl-C there.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const path = `/v1/runs/${encodeURIComponent(args[0]!)}/cancel`;
    const run = await client.post<RunView>(path, { reason: options.reason });
    out.result({ run }, () => out.line(`Run ${run.id} is ${run.status}`));
  },
});
