import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Anchor } from "../domain/anchors/anchor-check.ts";
import type { BackupStore } from "../domain/backup/backup-store.ts";
import { openCheckpoint } from "../domain/ledger/checkpoint.ts";
import type { LedgerHead } from "../domain/ledger/ledger.ts";
import { parseVerifierKey, type VerifierKey } from "../domain/ledger/verifier-key.ts";
import type { Context } from "../domain/shared/actor.ts";
import type { Digest } from "../domain/shared/digest.ts";
import { checkEd25519 } from "../infra/signing/ed25519-signer.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import type { Closers } from "./closers.ts";
import { ledgerFile, tileCache, type CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import { ledgerPlaceOf } from "./ledger-place.ts";
import type { Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** How many of the newest backups are asked which checkpoint they hold. */
const BACKUPS = 3;

/** The file that names the anchors of a ledger. */
export const anchorsFile = ({ data }: CoreConfig): string => join(data, "anchors.conf");

/**
 * Compares the ledger with every anchor, before anything is appended. Errors: those of
 * `requireAnchored`, and InvalidInput anchors-file-wrong.
 */
export async function checkAnchors(
  c: Resolver,
  config: CoreConfig,
  { log }: Pick<Opened, "log">,
): Promise<void> {
  const { size } = await c.resolve(t.LEDGER).head();
  if (size === 0) return;
  const anchors = [backups(c.resolve(t.BACKUP_STORE), c.resolve(t.DIGEST), () => keysOf(c))];
  // Nothing of it is loaded where there are no anchors.
  if (existsSync(anchorsFile(config))) anchors.push(...(await anchorsOf(c, config)).readable);
  const { requireAnchored } = await import("../domain/anchors/anchor-check.ts");
  await requireAnchored(anchors, c.resolve(t.TRANSPARENCY_LOG), size, ({ name }, error) =>
    log({
      level: "warn",
      message: `${name} could not be compared with the ledger`,
      ...describeError(error),
    }),
  );
}

/** Publishes what is new, time after time, until the service stops. */
export async function publishLoop(
  c: Resolver,
  config: CoreConfig,
  { log }: Pick<Opened, "log">,
  context: Context,
  closers: Closers,
): Promise<void> {
  const digest = c.resolve(t.DIGEST);
  const [{ Publisher }, { readAnchorsFile }] = await Promise.all([
    import("../domain/anchors/publisher.ts"),
    import("../infra/anchors/anchors-file.ts"),
  ]);
  const { publishEvery, anchorEvery } = await readAnchorsFile(anchorsFile(config), digest);
  const anchors = await anchorsOf(c, config);
  const { witnesses, publications, authorities } = anchors;
  const ledger = c.resolve(t.LEDGER);
  const publisher = new Publisher({
    ledger,
    witnesses,
    publications,
    authorities,
    digest,
    clock: c.resolve(t.CLOCK),
    context: () => ({ ...context, requestId: c.resolve(t.IDS).uuid() }),
    newest: async () => {
      const [row] = await ledger.readRows({ order: "desc", limit: 1 });
      return { size: row!.index + 1, type: row!.type, time: row!.time };
    },
    anchorEvery: anchorEvery * 1000,
    onError: (error, where) =>
      log({
        level: "error",
        message: `${where} was not brought up to date`,
        ...describeError(error),
      }),
  });
  c.resolve(t.COSIGNED).use(publisher);
  const round = (): void => {
    publisher.round().catch((error: unknown) => {
      log({ level: "error", message: "The log was not published", ...describeError(error) });
    });
  };
  const timer = setInterval(round, publishEvery * 1000).unref();
  closers.add(async () => {
    clearInterval(timer);
    // What was signed last goes out, too.
    await publisher.round().catch((error: unknown) => {
      log({ level: "error", message: "The log was not published", ...describeError(error) });
    });
    await anchors.close();
  });
  round();
}

async function anchorsOf(c: Resolver, config: CoreConfig) {
  const digest = c.resolve(t.DIGEST);
  const [{ Anchors }, { readAnchorsFile }] = await Promise.all([
    import("../infra/anchors/anchors.ts"),
    import("../infra/anchors/anchors-file.ts"),
  ]);
  const ledger = c.resolve(t.LEDGER);
  const isFile = (await ledgerPlaceOf(config)) === undefined;
  return new Anchors(await readAnchorsFile(anchorsFile(config), digest), {
    log: c.resolve(t.TRANSPARENCY_LOG),
    content: (name) => ledger.content(name),
    digest,
    keys: () => keysOf(c),
    origin: ledger.origin,
    vkeys: () => c.resolve(t.SIGNING_KEYS).active(),
    ...(isFile ? { files: { file: ledgerFile(config), tileCache: tileCache(config) } } : {}),
  });
}

const keysOf = (c: Resolver): readonly VerifierKey[] =>
  c
    .resolve(t.SIGNING_KEYS)
    .list()
    .map(({ verifierKey }) => parseVerifierKey(c.resolve(t.DIGEST), verifierKey));

/** The newest backups' manifests hold checkpoints of their time. */
const backups = (
  store: Pick<BackupStore, "list" | "manifest">,
  digest: Digest,
  keys: () => readonly VerifierKey[],
): Anchor => ({
  name: "A backup",
  newest: async () => {
    let newest: LedgerHead | undefined;
    const ids = (await store.list()).toSorted().slice(-BACKUPS);
    for (const id of ids) {
      const note = (await store.manifest(id))?.checkpoint;
      if (typeof note !== "string") continue;
      const head = openCheckpoint(digest, note, keys(), checkEd25519);
      if (newest === undefined || head.size > newest.size) newest = head;
    }
    return newest;
  },
});
