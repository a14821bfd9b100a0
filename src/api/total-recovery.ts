import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { DatabaseState } from "../domain/state/state.ts";
import { InvalidInput } from "../domain/shared/errors.ts";
import { exists } from "../infra/files/exists.ts";
import { makeDirectory, writeFileAtomic } from "../infra/files/atomic-write.ts";
import { Ed25519Signer } from "../infra/signing/ed25519-signer.ts";
import { HmacPseudonyms } from "../infra/signing/hmac-pseudonyms.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import {
  anchorOfFile,
  anchorsOfDatabases,
  anchorsOfManifests,
  type Anchor,
} from "../infra/total-recovery/anchors.ts";
import {
  keysOf,
  readCandidate,
  verifyCandidate,
  type LedgerCandidate,
} from "../infra/total-recovery/ledger-candidate.ts";
import {
  LostDirectory,
  nameLedger,
  placeKeys,
  placeLedger,
  requireNoLedger,
} from "../infra/total-recovery/lost-directory.ts";
import type { S3Settings } from "../infra/s3/s3-settings.ts";
import { Closers } from "./closers.ts";
import { openCore, resumeWork, type Core, type CoreOptions } from "./core.ts";
import * as t from "./tokens.ts";

export interface TotalRecoveryOptions {
  /** The backup directory that is left, or the bucket. */
  readonly from: string | S3Settings;
  /** The new data directory. */
  readonly data: string;
  /** Directories under which databases may be put. */
  readonly roots: readonly string[];
  readonly reason: string;
  /** A copy of the lost data directory's keys. */
  readonly keys?: string;
  /** age identity file that opens the backups. Default: that among the keys. */
  readonly backupIdentity?: string;
  /** Go on without them, under new ones. */
  readonly newKeys: boolean;
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
  /** A ledger file to use instead of the newest in the backups. */
  readonly ledger?: string;
  readonly core?: CoreOptions;
  /** Told what is being done. */
  readonly onStep?: (step: string) => void;
}

export interface RecoveredDatabase {
  readonly name: string;
  readonly url: string;
  readonly status: "untouched" | "recovered" | "failed";
  readonly recoveryId: string | null;
  readonly backupId: string | null;
  readonly window: object | null;
  readonly error: string | null;
}

export interface TotalRecovery {
  readonly origin: string;
  readonly size: number;
  readonly ledgerBackupId: string | null;
  readonly anchors: number;
  readonly verifierKey: string;
  readonly newKeys: boolean;
  readonly damagedManifests: readonly string[];
  readonly databases: readonly RecoveredDatabase[];
}

/**
 * Rebuilds a ledger and its databases from a backup directory alone. Nothing is written to the
 * directory that is left, unless it is part of the new data directory. Refuses a ledger that
 * something outside of it has seen further: to go on from it would fork it.
 */
export async function recoverAll(options: TotalRecoveryOptions): Promise<TotalRecovery> {
  const { data, onStep = () => {} } = options;
  await requireNoLedger(data);
  const lost = await openLost(options);
  await makeDirectory(data);
  await chmod(data, 0o700);
  const scratch = await mkdtemp(join(data, "recovery-"));
  try {
    onStep("Looking for the newest ledger");
    const { candidate, backupId } = await chooseLedger(lost, options, scratch);
    onStep(`Verifying ${candidate.size} events`);
    const anchors = await anchorsOf(lost, candidate, options);
    await verifyCandidate(candidate, anchors, new NodeDigest());
    onStep("Placing keys, backups and ledger");
    const newKeys = await placeAll(lost, candidate, options);
    const databases = await goOn(options, { candidate, backupId, anchors, newKeys });
    return { ...databases, damagedManifests: lost.damaged };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What is left. Errors: those of `LostDirectory.open`, and of a bucket's examination. */
export async function openLost(
  options: Pick<TotalRecoveryOptions, "from" | "data" | "keys" | "backupIdentity">,
): Promise<LostDirectory> {
  const { from, data } = options;
  if (typeof from === "string") return LostDirectory.open(from, identityOf(options));
  const { openS3Place } = await import("../infra/s3/open-s3-place.ts");
  const place = await openS3Place(from, join(data, "backups", "scratch"));
  return LostDirectory.openPlace(place, identityOf(options));
}

/** The file that opens the backups, if one is known. */
export const identityOf = ({
  keys,
  backupIdentity,
}: Pick<TotalRecoveryOptions, "keys" | "backupIdentity">): string | undefined =>
  backupIdentity ?? (keys === undefined ? undefined : join(keys, "backup.identity"));

interface Chosen {
  readonly candidate: LedgerCandidate;
  readonly backupId: string | null;
}

async function chooseLedger(
  lost: LostDirectory,
  { ledger }: TotalRecoveryOptions,
  scratch: string,
): Promise<Chosen> {
  if (ledger !== undefined) return { candidate: readCandidate(ledger), backupId: null };
  const { file, id } = await lost.newestLedger(scratch);
  return { candidate: readCandidate(file), backupId: id };
}

async function anchorsOf(
  { manifests, path }: LostDirectory,
  candidate: LedgerCandidate,
  { checkpoints }: TotalRecoveryOptions,
): Promise<Anchor[]> {
  const digest = new NodeDigest();
  const check = { digest, keys: keysOf(candidate, digest) };
  // Kept beside the ledger while the data directory was whole.
  const beside = path === null ? null : join(dirname(path), "checkpoint");
  const files = beside !== null && (await exists(beside)) ? [...checkpoints, beside] : checkpoints;
  return [
    ...anchorsOfManifests(manifests, candidate.origin, check),
    ...(await anchorsOfDatabases(manifests, candidate.origin, check)),
    ...(await Promise.all(files.map((file) => anchorOfFile(file, check)))),
  ];
}

/** True: under new keys. */
async function placeAll(
  lost: LostDirectory,
  { file, origin }: LedgerCandidate,
  { data, keys, newKeys }: TotalRecoveryOptions,
): Promise<boolean> {
  if (keys !== undefined) await placeKeys(keys, data, origin);
  else if (newKeys) await makeKeys(data, origin);
  else if (!(await exists(join(data, "keys", "origin")))) throw keysMissing();
  await lost.moveInto(data);
  await placeLedger(file, data);
  return keys === undefined && newKeys;
}

async function makeKeys(data: string, origin: string): Promise<void> {
  await nameLedger(data, origin);
  await HmacPseudonyms.open(join(data, "keys", "pepper"));
  await Ed25519Signer.load(join(data, "keys", "signing.pem"), origin);
}

const keysMissing = (): InvalidInput =>
  new InvalidInput("key-files-missing", "The keys of the ledger are in no backup", {
    hint: "Give a copy of them with --keys DIR. If there is none: --new-keys goes on under new ones, and whoever checks checkpoints must be told the new verifier key",
  });

interface Placed extends Chosen {
  readonly anchors: readonly Anchor[];
  readonly newKeys: boolean;
}

/** Opens what was placed, records it, brings every database back, backs the ledger up. */
async function goOn(
  options: TotalRecoveryOptions,
  placed: Placed,
): Promise<Omit<TotalRecovery, "damagedManifests">> {
  const { data, roots, reason, backupIdentity, from } = options;
  const closers = new Closers();
  try {
    const core = await openCore(
      {
        data,
        roots,
        backupStore: typeof from === "string" ? "local" : from,
        ...(backupIdentity === undefined ? {} : { backupIdentity }),
      },
      {
        ...options.core,
        ledgerBackupDelayMs: null,
        ...(placed.newKeys ? { lostKeys: reason } : {}),
      },
      { description: "schemaledger recover" },
      closers,
    );
    await recordRestored(core, placed, reason);
    if (placed.newKeys) await newAdminKey(core, data);
    await resumeWork(core, options.core ?? {}, closers);
    const databases = await bringBackAll(core, options);
    const { ledgerBackups, signingKeys } = core.container.resolve(t.SERVICES);
    await ledgerBackups.take(core.context);
    const { origin, size } = await core.container.resolve(t.LEDGER).head();
    const verifierKey = signingKeys.active()[0]!;
    const { backupId: ledgerBackupId, anchors, newKeys } = placed;
    const facts = { origin, size, ledgerBackupId, verifierKey, newKeys, databases };
    return { ...facts, anchors: anchors.length };
  } finally {
    await closers.close();
  }
}

async function recordRestored(core: Core, placed: Placed, reason: string): Promise<void> {
  const { candidate, backupId, anchors, newKeys } = placed;
  const data = { backupId, size: candidate.size, reason, anchors: anchors.length, newKeys };
  await core.container.resolve(t.LEDGER).append({
    stream: SERVICE_STREAM,
    expected: "any",
    events: [{ type: "LedgerRestored", data }],
    context: core.context,
  });
}

/** The old tokens are still good; but nobody may have one any more. */
async function newAdminKey({ container, context }: Core, data: string): Promise<void> {
  const keys = container.resolve(t.KEY_SERVICE);
  const token = keys.newToken();
  await writeFileAtomic(join(data, "keys", "admin.key"), `${token}\n`);
  const name = `admin since recovery ${new Date().toISOString()}`;
  await keys.introduce(token, { name, roles: ["admin"] }, context);
}

async function bringBackAll(
  core: Core,
  { roots, reason, onStep = () => {} }: TotalRecoveryOptions,
): Promise<RecoveredDatabase[]> {
  const found: RecoveredDatabase[] = [];
  for (const database of core.container.resolve(t.DATABASE_SERVICE).list()) {
    if (database.retired !== null) continue;
    onStep(`Bringing ${database.name} back`);
    found.push(await bringBack(core, database, roots, reason));
  }
  return found;
}

async function bringBack(
  { container, context }: Core,
  database: DatabaseState,
  roots: readonly string[],
  reason: string,
): Promise<RecoveredDatabase> {
  const { name, url } = database;
  const { recoveries } = container.resolve(t.SERVICES);
  const none = { name, url, recoveryId: null, backupId: null, window: null };
  if (!roots.some((root) => isBelow(root, url)))
    return { ...none, status: "failed", error: `${url} lies below no --root` };
  await mkdir(dirname(url), { recursive: true });
  const recovery = await recoveries.request(name, { reason }, context);
  while (recovery.ended === null) await recoveries.waitForEnd(recovery, 60_000);
  const { id: recoveryId, facts, failure } = recovery;
  const window = facts?.window ?? failure?.window ?? null;
  const known = { ...none, recoveryId, backupId: facts?.backupId ?? null, window };
  if (failure !== null) return { ...known, status: "failed", error: failure.error.message };
  const status = facts?.procedure === "none" ? "untouched" : "recovered";
  return { ...known, status, error: null };
}

function isBelow(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== "" && !inside.startsWith("..");
}
