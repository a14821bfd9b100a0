import { defineCommand } from "../command.ts";
import {
  CONSENT_OPTIONS,
  circumstancesOf,
  isWaiting,
  type ConsentFlags,
} from "../consent-options.ts";
import { EXIT } from "../exit-codes.ts";
import { plain, tone } from "../output.ts";
import { Progress } from "../progress.ts";
import {
  databaseName,
  databasePath,
  hasEnded,
  requireDone,
  untilOver,
  type Operation,
  type Page,
} from "../resources.ts";
import { resolve } from "node:path";
import { NotFound } from "../../domain/shared/errors.ts";
import { withoutAbsent } from "../../domain/shared/without-absent.ts";
import type { Client } from "../client/client.ts";
import { hearNews } from "../client/news.ts";
import type { SharedOptions } from "../shared-options.ts";

interface RestoreOptions extends SharedOptions, ConsentFlags {
  readonly backup?: string;
  readonly beforeRun?: string;
  readonly at?: string;
  readonly table?: readonly string[];
  readonly onConflict?: string;
  readonly triggers?: string;
  readonly into?: string;
  readonly offline?: boolean;
  readonly reason: string;
}

interface Backup {
  readonly id: string;
  readonly kind: string;
  readonly purpose: string;
  readonly verifiedAt: string | null;
  readonly status: string;
}

interface Restore extends Operation {
  readonly backupId: string;
  readonly findings: readonly { readonly severity: string; readonly message: string }[];
  readonly safetyBackupId: string | null;
  readonly approvalsNeeded: number;
}

export const command = defineCommand<RestoreOptions>({
  arguments: [{ name: "<database>", description: "a registered name, or the file" }],
  options: [
    {
      flags: "--backup <id>",
      description:
        "the backup to bring back (default: the newest verified one that no restore made)",
    },
    { flags: "--before-run <id>", description: "the state just before this run" },
    { flags: "--at <time>", description: "the newest state that is not later (RFC 3339)" },
    { flags: "--table <name...>", description: "single tables instead of the whole database" },
    {
      flags: "--on-conflict <what>",
      description: "rows of these tables that have other values now",
      choices: ["refuse", "keep", "overwrite", "replace"],
    },
    {
      flags: "--triggers <what>",
      description: "what the triggers of these tables do meanwhile",
      choices: ["skip", "fire"],
    },
    { flags: "--into <file>", description: "write a new file instead of the database" },
    { flags: "--offline", description: "rename a new file into place; nobody may be connected" },
    { flags: "--reason <text>", description: "why, for the record", required: true },
    ...CONSENT_OPTIONS,
  ],
  ledger: true,
  confirms: true,
  format: "restore/1",
  members: {
    database: "its registered name",
    restore: "the restore as `GET /v1/restores/{restore}` gives it",
  },
  examples: [
    'schemaledger restore shop --reason "Wrong data imported"',
    'schemaledger restore shop --at 2026-01-02T03:04:05Z --table orders --on-conflict keep --reason "Rows deleted"',
    'schemaledger restore shop --into yesterday.db --reason "To compare"',
  ],
  details: "What is replaced is backed up and verified first.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const choice = await choiceOf(client, name, options);
    if (options.into === undefined)
      await call.confirm(`${whatOf(options)} ${name} by ${choice.words}?`);
    const asked = await client.post<Restore>(databasePath(name, "restores"), {
      ...choice.body,
      ...orderOf(options),
      ...circumstancesOf(options),
      reason: options.reason,
    });
    const { id } = asked;
    const progress = new Progress(out);
    const path = `/v1/restores/${id}`;
    const news = isWaiting(asked)
      ? Promise.resolve()
      : hearNews(client, path, (signal) => progress.run(signal));
    const over = await untilOver<Restore>(client, path, hasEnded, call.signal).finally(() =>
      progress.end(),
    );
    await news;
    progress.end();
    if (isWaiting(over)) {
      out.result({ database: name, restore: over }, () => {
        const { approvalsNeeded, status } = over;
        const needs =
          status === "scheduled"
            ? ""
            : `; it needs ${approvalsNeeded} ${approvalsNeeded === 1 ? "approval" : "approvals"}`;
        out.line(
          `${tone("warn", "Waiting:")} restore ${id} of ${name} is ${status}${needs}. Nothing was replaced yet`,
        );
      });
      return EXIT.refused;
    }
    const restore = requireDone(over, "The restore", "The content is as before.");
    out.result({ database: name, restore }, () => {
      const what = options.into ?? (options.table === undefined ? name : options.table.join(", "));
      out.line(`${tone("good", "Done:")} ${what} is backup ${restore.backupId}`);
      for (const { severity, message } of restore.findings)
        out.line(`${severity}: ${plain(message)}`);
      if (restore.safetyBackupId !== null)
        out.line(`What it replaced is backup ${restore.safetyBackupId}`);
    });
    return EXIT.done;
  },
});

interface Choice {
  readonly body: { readonly [member: string]: string };
  readonly words: string;
}

async function choiceOf(client: Client, name: string, options: RestoreOptions): Promise<Choice> {
  const { beforeRun, at, backup } = options;
  if (beforeRun !== undefined)
    return { body: { beforeRun }, words: `its state before run ${beforeRun}` };
  if (at !== undefined) return { body: { at }, words: `its state at ${at}` };
  const found = await backupToRestore(client, name, backup);
  return { body: { backupId: found.id }, words: `backup ${found.id}${dateOf(found)}` };
}

const whatOf = ({ table }: RestoreOptions): string =>
  table === undefined ? "Replace the content of" : `Bring ${table.join(", ")} back in`;

const orderOf = ({ table: tables, onConflict, triggers, into, offline }: RestoreOptions): object =>
  withoutAbsent({
    tables,
    onConflict,
    triggers,
    target: into === undefined ? undefined : resolve(into),
    method: offline === true ? "offline" : undefined,
  });

async function backupToRestore(
  client: Client,
  name: string,
  id: string | undefined,
): Promise<Backup> {
  if (id !== undefined) return client.get<Backup>(`/v1/backups/${encodeURIComponent(id)}`);
  for (let after: string | undefined; ;) {
    const page = await client.get<Page<Backup>>(databasePath(name, "backups"), { after });
    // What a restore replaced is not what anybody wants back without saying so.
    const newest = page.items.find(
      ({ kind, status, purpose }) =>
        kind === "full" && status === "verified" && purpose !== "safety",
    );
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
