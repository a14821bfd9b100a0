import { resolve } from "node:path";
import { defineCommand, type Call } from "../command.ts";
import { CONSENT_OPTIONS, circumstancesOf, type ConsentFlags } from "../consent-options.ts";
import { EXIT } from "../exit-codes.ts";
import { plain, tone, type Output } from "../output.ts";
import { Progress } from "../progress.ts";
import { databaseName, databasePath, hasEnded, untilOver, type Operation } from "../resources.ts";
import type { SharedOptions } from "../shared-options.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import type { S3Settings } from "../../infra/s3/s3-settings.ts";
import type { RecoveredDatabase } from "../../api/total-recovery.ts";

interface RecoverOptions extends SharedOptions, ConsentFlags {
  readonly reason: string;
  readonly procedure?: string;
  readonly from?: string;
  readonly root?: readonly string[];
  readonly keys?: string;
  readonly newKeys?: boolean;
  readonly checkpoint?: readonly string[];
  readonly ledger?: string;
  readonly databasesOnly?: boolean;
  readonly into?: string;
}

interface Loss {
  readonly table: string;
  readonly restored: number;
  readonly lastKnown: number | null;
}

interface Window {
  readonly from: string;
  readonly to: string;
  readonly tables: readonly Loss[];
}

interface Recovery extends Operation {
  readonly procedure: string | null;
  readonly backupId: string | null;
  readonly runId: string | null;
  readonly window: Window | null;
  readonly findings: readonly { readonly message: string; readonly code: string }[];
}

export const command = defineCommand<RecoverOptions>({
  arguments: [
    { name: "[database]", description: "a registered name, or the file; none with --from" },
  ],
  options: [
    { flags: "--reason <text>", description: "why, for the record", required: true },
    {
      flags: "--procedure <name>",
      description: "what to do where something is wrong, whatever that is",
      choices: ["failed-migration", "corruption"],
    },
    ...CONSENT_OPTIONS,
    {
      flags: "--from <place>",
      description:
        "everything else is lost: rebuild ledger and databases from these backups (a directory, or s3://bucket/prefix)",
    },
    { flags: "--root <dir...>", description: "directory under which databases may be put" },
    { flags: "--keys <dir>", description: "a copy of the lost data directory's keys" },
    { flags: "--new-keys", description: "go on under new keys: there is no copy" },
    { flags: "--checkpoint <file...>", description: "a checkpoint that was kept elsewhere" },
    { flags: "--ledger <file>", description: "a ledger.db to use instead of the backups' newest" },
    { flags: "--databases-only", description: "write the databases to files, without a ledger" },
    { flags: "--into <dir>", description: "where --databases-only writes them" },
  ],
  ledger: true,
  confirms: true,
  format: "recover/1",
  members: {
    database: "its registered name; null with --from",
    recovery: "the recovery as `GET /v1/recoveries/{recovery}` gives it",
    ledger: "with --from: origin, size, verifier key and what it was compared with",
    databases: "with --from: what became of each database",
  },
  examples: [
    'schemaledger recover shop --reason "The disk had errors"',
    'schemaledger recover --from /mnt/backups --data new-data --keys /mnt/safe/keys --reason "Fire"',
  ],
  details:
    "Without --from: finds out what is wrong, restores, applies again what the backup lacks, and says what\n" +
    "may be lost. Exit code 5 if something could not be recovered, 3 if its restore waits for approvals.\n",
  run: async (call) => {
    const { options, args } = call;
    if (options.from === undefined) return recoverDatabase(call);
    if (args.length > 0)
      throw new InvalidInput("from-recovers-all", "--from recovers every database of the backups", {
        hint: "Leave the database out",
      });
    return options.databasesOnly === true ? writeDatabases(call) : recoverEverything(call);
  },
});

async function recoverDatabase(call: Call<RecoverOptions>): Promise<number> {
  const { args, options, out } = call;
  if (args[0] === undefined)
    throw new InvalidInput("database-missing", "Name a database, or give --from", {
      hint: "schemaledger status lists the databases",
    });
  const client = await call.connect("write");
  const name = await databaseName(client, args[0]);
  await call.confirm(`Recover ${name}? Its content may be replaced by a backup.`);
  const { reason, procedure } = options;
  const how = procedure === undefined ? {} : { procedure };
  const body = { reason, ...how, ...circumstancesOf(options) };
  const { id } = await client.post<Recovery>(databasePath(name, "recoveries"), body);
  const progress = new Progress(out);
  progress.now({ phase: "restore" });
  const recovery = await untilOver<Recovery>(
    client,
    `/v1/recoveries/${id}`,
    hasEnded,
    call.signal,
  ).finally(() => progress.end());
  out.result({ database: name, recovery, ledger: null, databases: null }, () =>
    tell(out, name, recovery),
  );
  if (recovery.status === "succeeded") return EXIT.done;
  return waitsForPeople(recovery) ? EXIT.refused : EXIT.integrity;
}

const waitsForPeople = ({ error }: Recovery): boolean =>
  error?.code === "recovery-awaits-restore" || error?.code === "recovery-awaits-run";

function tell(out: Output, name: string, recovery: Recovery): void {
  const { status, procedure, window, runId, backupId, error } = recovery;
  if (waitsForPeople(recovery)) {
    out.line(`${tone("warn", "Waiting:")} ${plain(error?.message ?? "")}`);
    return;
  }
  if (status !== "succeeded") {
    out.line(`${tone("bad", "Failed:")} ${plain(error?.message ?? "")}`);
    return;
  }
  if (procedure === "none") {
    out.line(`${tone("good", "Nothing to do:")} ${name} is sound and is what the ledger says`);
    return;
  }
  out.line(
    `${tone("good", "Recovered:")} ${name} is backup ${backupId ?? ""} (${procedure ?? ""})`,
  );
  if (runId !== null) out.line(`What the backup lacked was applied again by run ${runId}`);
  if (window !== null) tellLoss(out, window);
}

function tellLoss(out: Output, { from, to, tables }: Window): void {
  out.line(`Rows written between ${from} and ${to} may be lost:`);
  for (const { table, restored, lastKnown } of tables)
    if (lastKnown !== restored)
      out.line(`  ${plain(table)}: ${restored} rows, last counted ${lastKnown ?? "never"}`);
}

async function recoverEverything(call: Call<RecoverOptions>): Promise<number> {
  const { options, out } = call;
  const { recoverAll } = await import("../../api/total-recovery.ts");
  const { from, keys, ledger } = options;
  const found = await recoverAll({
    from: await whatIsLeft(from!),
    data: resolve(options.data ?? "schemaledger-data"),
    roots: (options.root ?? [process.cwd()]).map((root) => resolve(root)),
    reason: options.reason,
    newKeys: options.newKeys ?? false,
    checkpoints: (options.checkpoint ?? []).map((file) => resolve(file)),
    ...(keys === undefined ? {} : { keys: resolve(keys) }),
    ...namedIdentity(),
    ...(ledger === undefined ? {} : { ledger: resolve(ledger) }),
    core: { log: () => {} },
    onStep: (step) => out.note(step),
  });
  const { databases, ...about } = found;
  out.result({ database: null, recovery: null, ledger: about, databases }, () => {
    out.line(`${tone("good", "Recovered:")} the ledger ${about.origin} with ${about.size} events`);
    if (about.newKeys)
      out.line(
        `It signs with a new key; tell whoever checks its checkpoints: ${about.verifierKey}`,
      );
    for (const database of databases) tellDatabase(out, database);
  });
  return databases.some(({ status }) => status === "failed") ? EXIT.integrity : EXIT.done;
}

/** A directory, or a bucket that is reached as the environment says. */
async function whatIsLeft(from: string): Promise<string | S3Settings> {
  const { bucketNamed } = await import("../client/named-backups.ts");
  return bucketNamed(from) ?? resolve(from);
}

/** As for a service: the environment may name the identity that opens the backups. */
function namedIdentity(): { readonly backupIdentity?: string } {
  const file = process.env["SCHEMALEDGER_BACKUP_IDENTITY"];
  return file === undefined || file === "" ? {} : { backupIdentity: resolve(file) };
}

function tellDatabase(out: Output, { name, status, error, window }: RecoveredDatabase): void {
  const word = tone(status === "failed" ? "bad" : "good", `${status}:`);
  out.line(`${word} ${name}${error === null ? "" : `: ${plain(error)}`}`);
  if (window !== null) tellLoss(out, window as Window);
}

async function writeDatabases({ options, out }: Call<RecoverOptions>): Promise<number> {
  const { exportDatabases } = await import("../../infra/total-recovery/export-databases.ts");
  if (options.into === undefined)
    throw new InvalidInput("into-missing", "--databases-only needs --into", {
      hint: "Name a directory for the databases' files",
    });
  const { openLost } = await import("../../api/total-recovery.ts");
  const keys = options.keys === undefined ? {} : { keys: resolve(options.keys) };
  const lost = await openLost({
    from: await whatIsLeft(options.from!),
    data: resolve(options.into),
    ...keys,
    ...namedIdentity(),
  });
  const databases = await exportDatabases(lost, resolve(options.into));
  out.result({ database: null, recovery: null, ledger: null, databases }, () => {
    for (const { name, file, createdAt } of databases)
      out.line(
        file === null
          ? `${tone("bad", "lost:")} ${name}`
          : `${file}: ${name} as of ${createdAt ?? ""}`,
      );
  });
  return databases.some(({ file }) => file === null) ? EXIT.integrity : EXIT.done;
}
