import { defineCommand } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";
import { documentOf, findUndertaking, UNDERTAKING_MEMBERS, type Shown } from "../undertakings.ts";

export const command = defineCommand<SharedOptions & { readonly reason: string }>({
  arguments: [{ name: "<id>", description: "the id of a run, a restore or a change of a policy" }],
  options: [{ flags: "--reason <text>", description: "why, for the record", required: true }],
  ledger: true,
  format: "cancel/1",
  members: UNDERTAKING_MEMBERS,
  examples: ['schemaledger cancel 01a2… --reason "Wrong window" --server http://127.0.0.1:7447'],
  details:
    "A step in progress is rolled back. A run of another process on the directory is\ncancelled by that process: press Ctrl-C there.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const found = await findUndertaking(client, args[0]!);
    const ended = await client.post<Shown>(`${found.path}/cancel`, { reason: options.reason });
    out.result(documentOf(found, ended), () =>
      out.line(`${found.name} ${ended.id} is ${ended.status}`),
    );
  },
});
