import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { defineCommand } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";

interface EvidenceOptions extends SharedOptions {
  readonly from?: string;
  readonly to?: string;
  readonly sample?: string;
}

export const command = defineCommand<EvidenceOptions>({
  arguments: [{ name: "<file>", description: "the archive to write (.tar)" }],
  options: [
    {
      flags: "--from <time>",
      description: "begin of the period (RFC 3339; default: of the ledger)",
    },
    { flags: "--to <time>", description: "end of the period (default: now)" },
    { flags: "--sample <n>", description: "changes to draw for the sample" },
  ],
  ledger: true,
  format: null,
  examples: [
    "schemaledger evidence 2026-q1.tar --from 2026-01-01T00:00:00Z --to 2026-03-31T23:59:59.999Z",
  ],
  details:
    "The archive holds the report, the log and its proofs; `schemaledger verify FILE` and the stand-alone verifier check it offline.\n",
  run: async ({ args, options, out, connect }) => {
    const client = await connect("write");
    const { from, to, sample } = options;
    const file = args[0]!;
    await pipeline(
      client.download("/v1/reports/evidence", { from, to, sample }),
      createWriteStream(file, { flags: "wx" }),
    );
    out.line(`Written to ${file}. Check it: node verifier/verify.js ${file} --vkey KEY`);
  },
});
