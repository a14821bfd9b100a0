import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { defineCommand } from "../command.ts";
import type { SharedOptions } from "../shared-options.ts";

interface ReportOptions extends SharedOptions {
  readonly from?: string;
  readonly to?: string;
  readonly format: string;
  readonly sample?: string;
  readonly out?: string;
}

export const command = defineCommand<ReportOptions>({
  options: [
    {
      flags: "--from <time>",
      description: "begin of the period (RFC 3339; default: of the ledger)",
    },
    { flags: "--to <time>", description: "end of the period (default: now)" },
    { flags: "--format <format>", description: "json, html, csv or pdf", default: "html" },
    { flags: "--sample <n>", description: "changes to draw for the sample" },
    { flags: "-o, --out <file>", description: "where to write it (default: standard output)" },
  ],
  ledger: true,
  format: null,
  examples: [
    "schemaledger report --from 2026-01-01T00:00:00Z --to 2026-03-31T23:59:59.999Z -o q1.html",
    "schemaledger report --format pdf -o changes.pdf",
  ],
  details: "That a report was given out is recorded, with its digest.\n",
  run: async ({ options, out, connect }) => {
    const { from, to, format, sample, out: file } = options;
    if (file === undefined && format === "pdf")
      throw new InvalidInput("output-missing", "A PDF needs a file", {
        hint: "Give it with --out",
      });
    const client = await connect("write");
    const chunks = client.download("/v1/reports/changes", { from, to, format, sample });
    if (file !== undefined) {
      await pipeline(chunks, createWriteStream(file));
      return out.line(`Written to ${file}.`);
    }
    const decoder = new TextDecoder();
    for await (const bytes of chunks) out.raw(decoder.decode(bytes, { stream: true }));
  },
});
