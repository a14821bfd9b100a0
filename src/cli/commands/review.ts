import { defineCommand } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";
import { documentOf, findUndertaking, UNDERTAKING_MEMBERS, type Shown } from "../undertakings.ts";

interface ReviewOptions extends SharedOptions {
  readonly verdict: string;
  readonly comment: string;
}

export const command = defineCommand<ReviewOptions>({
  arguments: [{ name: "<id>", description: "the id of a run, a restore or a change of a policy" }],
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
  members: UNDERTAKING_MEMBERS,
  examples: ['schemaledger review 01a2… --verdict accepted --comment "The index was missing"'],
  details: "Whoever requested it cannot review it. Until then every report names it.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const { verdict, comment } = options;
    const client = await call.connect("write");
    const found = await findUndertaking(client, args[0]!);
    const reviewed = await client.post<Shown>(`${found.path}/reviews`, { verdict, comment });
    out.result(documentOf(found, reviewed), () =>
      out.line(`${found.name} ${reviewed.id}: ${verdict}`),
    );
  },
});
