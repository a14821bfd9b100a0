import { defineCommand } from "../command.ts";
import { plain } from "../output.ts";
import type { SharedOptions } from "../shared-options.ts";

interface EraseOptions extends SharedOptions {
  readonly reason: string;
}

interface Erased {
  readonly actor: string;
  readonly keysDestroyed: number;
  readonly eventIndex: number;
  readonly erasedAt: string;
}

export const command = defineCommand<EraseOptions>({
  arguments: [{ name: "<actor>", description: "the actor's id, as events show it (act_…)" }],
  options: [
    {
      flags: "--reason <text>",
      description: "why; do not name the person in it",
      required: true,
    },
  ],
  ledger: true,
  confirms: true,
  format: "erase/1",
  members: {
    actor: "the pseudonym, which stays",
    keysDestroyed: "keys that were destroyed",
    eventIndex: "index of the event SubjectErased",
    erasedAt: "when",
  },
  examples: ['schemaledger erase act_4d1f… --reason "Request of 5 May"'],
  details:
    "Texts and names of the actor cannot be read any more, in any copy; proofs stay right.\n",
  run: async ({ args, options, out, connect, confirm }) => {
    const actor = args[0]!;
    await confirm(`Erase what is kept of ${plain(actor)} in words and names, for good?`);
    const client = await connect("write");
    const path = `/v1/actors/${encodeURIComponent(actor)}/erasures`;
    const erased = await client.post<Erased>(path, { reason: options.reason });
    out.result(erased, () =>
      out.line(`${erased.actor}: erased (event ${erased.eventIndex}); reads show that from now on`),
    );
  },
});
