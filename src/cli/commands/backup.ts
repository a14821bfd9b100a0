import { requirePassed, type Verification } from "../backup-verification.ts";
import { defineCommand } from "../command.ts";
import { Progress } from "../progress.ts";
import {
  databaseName,
  databasePath,
  requireDone,
  untilOver,
  type Operation,
} from "../resources.ts";
import { tone } from "../output.ts";
import type { SharedOptions } from "../shared-options.ts";
import { sizeText } from "../sizes.ts";

interface BackupOptions extends SharedOptions {
  readonly table?: readonly string[];
}

interface Backup extends Operation {
  readonly database: string;
  readonly verification: Verification | null;
  readonly bytes: number | null;
  readonly storedBytes: number | null;
}

export const command = defineCommand<BackupOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [{ flags: "--table <name...>", description: "only these tables; repeatable" }],
  ledger: true,
  format: "backup/1",
  members: {
    database: "its registered name",
    backup: "the backup as `GET /v1/backups/{backup}` gives it",
  },
  examples: ["schemaledger backup shop", "schemaledger backup shop --table orders"],
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const body = options.table === undefined ? {} : { kind: "table", tables: options.table };
    const { id } = await client.post<Backup>(databasePath(name, "backups"), body);
    const progress = new Progress(out);
    progress.now({ phase: "backup" });
    const isTable = options.table !== undefined;
    // A full backup counts when it was restored and compared, or that was given up.
    const over = await untilOver<Backup>(
      client,
      `/v1/backups/${id}`,
      ({ status, verification }) =>
        status !== "running" && (isTable || status !== "completed" || verification !== null),
      call.signal,
    ).finally(() => progress.end());
    const backup = requireDone(over, "The backup", "The database was only read.");
    if (!isTable) requirePassed(backup);
    out.result({ database: name, backup }, () => {
      const sizes = `${sizeText(backup.bytes ?? 0)}, stored as ${sizeText(backup.storedBytes ?? 0)}`;
      out.line(`${tone("good", "Done:")} backup ${id} of ${name} is ${backup.status} (${sizes})`);
    });
  },
});
