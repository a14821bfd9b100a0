import { defineCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { databaseName, databasePath } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface DiffOptions extends SharedOptions {
  readonly from?: string;
  readonly to?: string;
}

export const command = defineCommand<DiffOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    { flags: "--from <point>", description: "event index, time, ledger or live (default: ledger)" },
    { flags: "--to <point>", description: "the same (default: live)" },
  ],
  ledger: true,
  format: "diff/1",
  members: {
    "…": "as `GET /v1/databases/{database}/schema/diff` gives it",
  },
  examples: ["schemaledger diff shop", "schemaledger diff shop --from 120 --to ledger"],
  details: "Exit code 5 if the live schema is not the ledger's.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("read");
    const path = databasePath(await databaseName(client, args[0]!), "schema/diff");
    const { from, to } = options;
    const diff = await client.get<{ readonly equal: boolean }>(path, { from, to });
    if (out.json) out.document("diff/1", diff);
    else if (diff.equal) out.line("The schemas are equal.");
    else for await (const piece of client.stream(path, "text/x-diff", { from, to })) out.raw(piece);
    const looksForDrift = (from ?? "ledger") === "ledger" && (to ?? "live") === "live";
    return looksForDrift && !diff.equal ? EXIT.integrity : EXIT.done;
  },
});
