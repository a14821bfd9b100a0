import type { MigrationSet } from "../../domain/migration/migration-source.ts";
import { inputOf } from "../../domain/migration/migration-source.ts";
import { FolderMigrationSource } from "../../infra/migration-files/folder-migration-source.ts";
import { NodeDigest } from "../../infra/signing/node-digest.ts";
import { compareFiles, type FileComparison } from "../../library/reconcile-files.ts";
import { resolveSet } from "../../library/resolve-set.ts";
import type { Client } from "../client/client.ts";
import { HttpDesk } from "../client/http-desk.ts";
import { defineCommand } from "../command.ts";
import { FOLDER_OPTIONS, folderOptions, type FolderFlags } from "../migrate/folder-options.ts";
import { plain, tone } from "../output.ts";
import { databaseName, databasePath } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";

interface AcceptOptions extends SharedOptions, FolderFlags {
  readonly reason: string;
}

interface Found {
  readonly version: string;
  readonly deviation: "edited" | "out-of-order" | "missing";
  /** Of an edited one. */
  readonly diff?: string;
}

export const command = defineCommand<AcceptOptions>({
  arguments: [
    { name: "<database>", description: "a registered name, or the file" },
    { name: "<dir>", description: "the folder with the migration files" },
    { name: "[versions...]", description: "only these (default: all that deviate)" },
  ],
  options: [
    { flags: "--reason <text>", description: "why, for the record", required: true },
    ...FOLDER_OPTIONS,
  ],
  ledger: true,
  confirms: true,
  format: "accept/1",
  members: {
    database: "its registered name",
    accepted: "`{version, deviation, diff?}`: `edited`, `out-of-order` or `missing`",
  },
  examples: ['schemaledger accept shop ./migrations 7 --reason "A comment was corrected"'],
  details:
    "A file that was edited after it was applied, one that came below the applied versions, one that is gone:\n" +
    "each is shown, and accepted as an event with the reason. What ran stays on record.\n",
  run: async (call) => {
    const { args, options, out } = call;
    const client = await call.connect("write");
    const name = await databaseName(client, args[0]!);
    const read = await new FolderMigrationSource(args[1]!, folderOptions(options)).read();
    const desk = new HttpDesk(client);
    const { set, files } = await compared(desk, name, read);
    const wanted = new Set(args.slice(2));
    const all = await deviations(client, name, files);
    const chosen = all.filter(({ version }) => wanted.size === 0 || wanted.has(version));
    for (const { version, deviation, diff } of chosen) {
      out.note(`${tone("warn", deviation)}: version ${plain(version)}`);
      if (diff !== undefined) out.note(plain(diff));
    }
    if (chosen.length > 0) {
      await call.confirm(`Accept ${chosen.length === 1 ? "it" : `all ${chosen.length}`}?`);
      const late = new Set(chosen.map(({ version }) => version));
      const fresh = files.fresh.filter(({ version }) => late.has(version));
      if (fresh.length > 0) await desk.registerMigrations(name, fresh.map(inputOf));
      for (const one of chosen) await accept(client, name, set, one, options.reason);
    }
    out.result({ database: name, accepted: chosen }, () =>
      out.line(
        chosen.length === 0
          ? `Nothing deviates: the files are those that ${name} knows`
          : `${tone("good", "Accepted:")} ${chosen.map(({ version }) => version).join(", ")}`,
      ),
    );
  },
});

async function compared(
  desk: HttpDesk,
  name: string,
  read: MigrationSet,
): Promise<{ readonly set: MigrationSet; readonly files: FileComparison }> {
  const registered = await desk.migrations(name);
  const digest = new NodeDigest();
  const isEmpty = (): Promise<boolean> => desk.isEmpty(name);
  const set = await resolveSet(read, { registered, isEmpty, digest });
  return { set, files: compareFiles(set.migrations, registered, digest) };
}

async function deviations(client: Client, name: string, files: FileComparison): Promise<Found[]> {
  const found: Found[] = [];
  for (const migration of files.changed)
    found.push({
      version: migration.version,
      deviation: "edited",
      diff: await client
        .post(databasePath(name, "migrations"), { migrations: [inputOf(migration)] })
        .then(() => "", diffOf),
    });
  for (const { version } of files.late) found.push({ version, deviation: "out-of-order" });
  for (const { version } of files.missing) found.push({ version, deviation: "missing" });
  return found;
}

/** The refusal to register it shows what differs. */
function diffOf(error: unknown): string {
  const { code, details } = error as { code?: string; details?: { diff?: string } };
  if (code === "migration-changed") return details?.diff ?? "";
  throw error;
}

async function accept(
  client: Client,
  name: string,
  set: MigrationSet,
  { version, deviation }: Found,
  reason: string,
): Promise<void> {
  const file = set.migrations.find((one) => one.version === version);
  const path = `migrations/${encodeURIComponent(version)}/acceptances`;
  await client.post(databasePath(name, path), {
    deviation,
    reason,
    ...(deviation === "edited" ? { migration: inputOf(file!) } : {}),
  });
}
