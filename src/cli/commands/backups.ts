import { BACKUP_STATUSES } from "../../domain/state/statuses.ts";
import { requirePassed, type Verification } from "../backup-verification.ts";
import { defineCommand, defineSubcommand, type ArgumentSpec } from "../command.ts";
import { LIST_OPTIONS, listQuery, noteNext, type ListOptions } from "../listing.ts";
import { toned, type Cell } from "../output.ts";
import { Progress } from "../progress.ts";
import { databaseName, databasePath, untilOver, type Operation, type Page } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { durationText, sizeText } from "../sizes.ts";

interface Backup extends Operation {
  readonly database: string;
  readonly kind: string;
  readonly purpose: string;
  readonly tables: readonly string[] | null;
  readonly runId: string | null;
  readonly bytes: number | null;
  readonly storedBytes: number | null;
  readonly sha256: string | null;
  readonly rows: Readonly<Record<string, number>> | null;
  readonly applied: readonly string[] | null;
  readonly durationMs: number | null;
  readonly startedAt: string;
  readonly startedBy: { readonly name: string };
  readonly verifiedAt: string | null;
  readonly verification: Verification | null;
  readonly prunedAt: string | null;
}

const BACKUP: ArgumentSpec = { name: "<backup>", description: "its id" };
const SHOWN = { "…": "the backup as `GET /v1/backups/{backup}` gives it" };

interface Filter extends ListOptions {
  readonly status?: string;
  readonly kind?: string;
  readonly purpose?: string;
}

const list = defineSubcommand<SharedOptions & Filter>({
  name: "list",
  summary: "List a database's backups, newest first",
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    { flags: "--status <status>", description: "only these", choices: BACKUP_STATUSES },
    { flags: "--kind <kind>", description: "only these", choices: ["full", "table", "raw"] },
    {
      flags: "--purpose <purpose>",
      description: "only those made for this",
      choices: ["manual", "run", "safety"],
    },
    ...LIST_OPTIONS,
  ],
  ledger: true,
  format: "backups.list/1",
  members: {
    items: "backups as `GET /v1/databases/{database}/backups` gives them",
    next: "for `--after`, where the list goes on; null at its end",
  },
  examples: [
    "schemaledger backups list shop",
    "schemaledger backups list shop --status verified --kind full -n 5",
  ],
  run: async ({ args, options, out, connect }) => {
    const { status, kind, purpose } = options;
    const query = { ...listQuery(options), status, kind, purpose };
    const client = await connect("read");
    const name = await databaseName(client, args[0]!);
    const page = await client.get<Page<Backup>>(databasePath(name, "backups"), query);
    out.result(page, () => {
      if (page.items.length === 0) return out.line(`There is none: schemaledger backup ${name}`);
      out.table(
        ["id", "taken at", "of", "for", "status", "size", "stored", "verified at"],
        page.items.map((backup) => [
          backup.id,
          backup.startedAt,
          contentOf(backup),
          backup.purpose,
          statusCell(backup),
          sizeOf(backup.bytes),
          sizeOf(backup.storedBytes),
          backup.verifiedAt,
        ]),
      );
      noteNext(out, page);
    });
  },
});

const show = defineSubcommand<SharedOptions>({
  name: "show",
  summary: "Look at a backup",
  arguments: [BACKUP],
  ledger: true,
  format: "backups.show/1",
  members: SHOWN,
  examples: ["schemaledger backups show 01a2191e-377e-71a7-8543-2c2e0995b6fb"],
  run: async ({ args, out, connect }) => {
    const client = await connect("read");
    const backup = await client.get<Backup>(backupPath(args[0]!));
    out.result(backup, () => {
      out.facts([
        ["backup", backup.id],
        ["database", backup.database],
        ["of", contentOf(backup)],
        ["for", backup.runId === null ? backup.purpose : `${backup.purpose} ${backup.runId}`],
        ["status", statusCell(backup)],
        ["error", backup.error?.message],
        ["taken at", backup.startedAt],
        ["taken by", backup.startedBy.name],
        ["took", backup.durationMs === null ? null : durationText(backup.durationMs)],
        ["verified at", backup.verifiedAt],
        ["verification", verificationText(backup)],
        ["pruned at", backup.prunedAt],
        ["version", backup.applied === null ? null : (backup.applied.at(-1) ?? "0 (before all)")],
        ["size", sizeOf(backup.bytes)],
        ["stored", sizeOf(backup.storedBytes)],
        ["SHA-256", backup.sha256],
      ]);
      const rows = Object.entries(backup.rows ?? {});
      if (rows.length === 0) return;
      out.line();
      out.table(["table", "rows"], rows);
    });
  },
});

const verify = defineSubcommand<SharedOptions>({
  name: "verify",
  summary: "Restore a backup to a scratch place and compare it with its record",
  arguments: [BACKUP],
  ledger: true,
  format: "backups.verify/1",
  members: SHOWN,
  examples: ["schemaledger backups verify 01a2191e-377e-71a7-8543-2c2e0995b6fb"],
  details: "Exit code 5 if it is damaged: it is never chosen again then.\n",
  run: async ({ args, out, signal, connect }) => {
    const client = await connect("write");
    const path = backupPath(args[0]!);
    await client.post(`${path}/verifications`, {});
    const progress = new Progress(out);
    progress.now({ phase: "verify" });
    const isOver = ({ verification }: Backup): boolean => verification?.status !== "running";
    const backup = await untilOver<Backup>(client, path, isOver, signal).finally(() =>
      progress.end(),
    );
    requirePassed(backup);
    out.result(backup, () =>
      out.line(`Backup ${backup.id} of ${backup.database} is verified (${backup.verifiedAt})`),
    );
  },
});

export const command = defineCommand<object>({
  format: null,
  examples: [],
  subcommands: [list, show, verify],
  run: () => Promise.resolve(),
});

const backupPath = (id: string): string => `/v1/backups/${encodeURIComponent(id)}`;

const sizeOf = (bytes: number | null): string | null => (bytes === null ? null : sizeText(bytes));

const contentOf = ({ kind, tables }: Backup): string =>
  tables === null ? (kind === "raw" ? "the file as it was" : "the database") : tables.join(", ");

/** Where it says more than when it was verified. */
const verificationText = ({ verification }: Backup): string | null =>
  verification === null || verification.status === "passed"
    ? null
    : `${verification.status} ${verification.at}${verification.error === null ? "" : `: ${verification.error.message}`}`;

const BAD = new Set(["failed", "damaged"]);

const statusCell = ({ status }: Backup): Cell =>
  toned(status === "verified" ? "good" : BAD.has(status) ? "bad" : "warn", status);
