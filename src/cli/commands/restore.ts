import { defineCommand } from "../command.ts";
import { tone } from "../output.ts";
import { Progress } from "../progress.ts";
import {
  databaseName,
  databasePath,
  requireDone,
  untilOver,
  type Operation,
  type Page,
} from "../resources.ts";
import { NotFound } from "../../domain/shared/errors.ts";
import type { Client } from "../client/client.ts";
import type { SharedOptions } from "../shared-options.ts";

interface RestoreOptions extends SharedOptions {
  readonly backup?: string;
  readonly reason: string;
}

interface Backup {
  readonly id: string;
  readonly kind: string;
  readonly verifiedAt: string | null;
  readonly status: string;
}

interface Restore extends Operation {
  readonly safetyBackupId: string | null;
}

export const command = defineCommand<RestoreOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    {
      flags: "--backup <id>",
      description: "the backup to bring back (default: the newest verified one)",
    },
    { flags: "--reason <text>", description: "why, for the record", required: true },
  ],
  ledger: true,
  confirms: true,
  format: "restore/1",
  members: {
    database: "its registered name",
    restore: "the restore as `GET /v1/restores/{restore}` gives it",
  },
  examples: ['schemaledger restore shop --reason "Wrong data imported"'],
  details: "What is replaced is backed up and verified first.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const backup = await backupToRestore(client, name, options.backup);
    await call.confirm(`Replace the content of ${name} by backup ${backup.id}${dateOf(backup)}?`);
    const { id } = await client.post<Restore>(databasePath(name, "restores"), {
      backupId: backup.id,
      reason: options.reason,
    });
    const progress = new Progress(out);
    progress.now({ phase: "restore" });
    const over = await untilOver<Restore>(client, `/v1/restores/${id}`).finally(() =>
      progress.end(),
    );
    const restore = requireDone(over, "The restore", "The content is as before.");
    out.result({ database: name, restore }, () => {
      out.line(`${tone("good", "Done:")} ${name} is backup ${backup.id}`);
      if (restore.safetyBackupId !== null)
        out.line(`What it replaced is backup ${restore.safetyBackupId}`);
    });
  },
});

async function backupToRestore(
  client: Client,
  name: string,
  id: string | undefined,
): Promise<Backup> {
  if (id !== undefined) return client.get<Backup>(`/v1/backups/${encodeURIComponent(id)}`);
  for (let after: string | undefined; ;) {
    const page = await client.get<Page<Backup>>(databasePath(name, "backups"), { after });
    const newest = page.items.find(({ kind, status }) => kind === "full" && status === "verified");
    if (newest !== undefined) return newest;
    if (page.next === null)
      throw new NotFound("backup-not-found", `There is no verified backup of ${name}`, {
        hint: `schemaledger backup ${name} makes one`,
      });
    after = page.next;
  }
}

const dateOf = ({ verifiedAt }: Backup): string =>
  verifiedAt === null ? "" : `, verified ${verifiedAt}`;
