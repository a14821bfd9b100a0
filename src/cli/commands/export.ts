import { defineCommand } from "../command.ts";
import { DEFAULT_DATA } from "../shared-options.ts";

interface ExportOptions {
  readonly data?: string;
  readonly logOnly?: boolean;
}

export const command = defineCommand<ExportOptions>({
  arguments: [
    {
      name: "<directory>",
      description: "made if missing, or s3://bucket/prefix; later runs add what is new",
    },
  ],
  options: [
    {
      flags: "--data <dir>",
      description: `data directory of the ledger (default: ${DEFAULT_DATA})`,
      env: "SCHEMALEDGER_DATA",
    },
    {
      flags: "--log-only",
      description: "leave payloads and SQL texts out: a log that may be shown to everybody",
    },
  ],
  format: "export/1",
  members: {
    directory: "the export",
    size: "number of events in it",
    from: "number of events that were in it before",
    files: "files written",
    bytes: "bytes written",
  },
  examples: ["schemaledger export /mnt/worm/ledger", "schemaledger export public --log-only"],
  details: "Runs beside a service. The directory is a complete log by itself, see verifier/.\n",
  run: async ({ args, options, out }) => {
    const { exportOffline } = await import("../../api/offline-ledger.ts");
    const directory = args[0]!;
    const data = options.data ?? DEFAULT_DATA;
    const { bucketNamed } = await import("../client/named-backups.ts");
    const place = bucketNamed(directory) ?? directory;
    const exported = await exportOffline(data, place, options.logOnly !== true);
    out.result({ directory, ...exported }, () =>
      out.line(
        `${directory}: ${exported.size} events, ${exported.size - exported.from} of them new`,
      ),
    );
  },
});
