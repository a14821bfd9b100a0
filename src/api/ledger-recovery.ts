import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../domain/ledger/checkpoint.ts";
import { same } from "../domain/ledger/merkle.ts";
import { Conflict, InvalidInput } from "../domain/shared/errors.ts";
import { acquireDirectoryLock } from "../infra/files/directory-lock.ts";
import { ExportReader } from "../infra/log-export/export-reader.ts";
import { Keyring } from "../infra/signing/keyring.ts";
import { checkEd25519 } from "../infra/signing/ed25519-signer.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { LedgerOnDisk } from "../infra/sqlite/ledger-on-disk.ts";
import { rollForward } from "../infra/sqlite/roll-forward.ts";
import { SystemClock } from "../infra/system/system-clock.ts";
import { ledgerFile, tileCache } from "./config.ts";
import { storedLedgerUrl } from "./ledger-place.ts";
import { originOf, putAside } from "./continuation.ts";

const digest = new NodeDigest();

/**
 * Brings a ledger that is older than its export to the export's end: the same events, byte for byte,
 * under the same root. The export is verified first. Errors: Conflict export-does-not-continue,
 * data-directory-in-use; those of `ExportReader`.
 */
export async function rollForwardFrom(
  data: string,
  from: string,
): Promise<{ readonly added: number; readonly size: number }> {
  return locked(data, async () => {
    const file = ledgerFile({ data });
    const copy = new LedgerOnDisk(file, digest, tileCache({ data }));
    const reader = new ExportReader(from, digest);
    try {
      const { origin, log } = copy;
      const keyring = await Keyring.open(join(data, "keys"), origin, digest);
      const keys = [...keyring.verifierKeys, ...copy.keys().all];
      const { ok, findings } = await reader.verify(keys, []);
      if (!ok) throw damaged(from, findings[0]!.message);
      const head = await reader.head(keys);
      const size = log.size();
      if (size > head.size) throw behind(from, head.size, size);
      // Everything that the ledger has must be in the export, as it is.
      let at = 0;
      for await (const entries of reader.entries(0, size, head.size)) {
        const own = await log.entries(at, entries.length);
        for (const [i, entry] of entries.entries())
          if (own[i] !== undefined && !same(own[i].leaf, entry.leaf)) throw differs(from, at + i);
        at += entries.length;
      }
      const added = await rollForward({
        file,
        origin,
        digest,
        clock: new SystemClock(),
        head,
        note: await reader.checkpoint(),
        entries: reader.entries(size, head.size),
        content: (name) => reader.content(name),
      });
      return { added, size: head.size };
    } finally {
      await copy.close();
    }
  });
}

/** Puts a lost ledger aside: see `putAside`. `checkpoint`: a file; default: the one kept beside it. */
export async function continueAnew(
  data: string,
  reason: string,
  checkpoint?: string,
): Promise<{ readonly previousOrigin: string; readonly aside: string }> {
  return locked(data, async () => {
    const previousOrigin = await originOf(data);
    const file = checkpoint ?? join(data, "checkpoint");
    if (!existsSync(file)) throw noCheckpoint(file);
    const lastCheckpoint = await readFile(file, "utf8");
    const keyring = await Keyring.open(join(data, "keys"), previousOrigin, digest);
    openCheckpoint(digest, lastCheckpoint, keyring.verifierKeys, checkEd25519);
    const aside = await putAside(data, { previousOrigin, lastCheckpoint, reason });
    return { previousOrigin, aside };
  });
}

async function locked<T>(data: string, work: () => Promise<T>): Promise<T> {
  if (!existsSync(join(data, "keys")))
    throw new InvalidInput("nothing-to-continue", `There is no ledger in ${data}`, {
      hint: "Name its data directory with --data",
    });
  if ((await storedLedgerUrl(data)) !== undefined)
    throw new Conflict("ledger-elsewhere", `The ledger of ${data} is not a file in it`, {
      hint: "Bring it back first: schemaledger ledger move --to file",
    });
  const since = new Date().toISOString();
  const lock = await acquireDirectoryLock(data, "schemaledger ledger", since);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

const damaged = (from: string, why: string): Conflict =>
  new Conflict("export-does-not-continue", `${from} is not right: ${why}`, {
    hint: "Verify it with schemaledger verify, and use another export",
  });

const behind = (from: string, exported: number, size: number): Conflict =>
  new Conflict(
    "export-does-not-continue",
    `${from} has ${exported} events, the ledger ${size}: there is nothing to bring back`,
  );

const differs = (from: string, index: number): Conflict =>
  new Conflict(
    "export-does-not-continue",
    `Event ${index} of ${from} is not that of the ledger: one of them was forked`,
    { hint: "The anchors decide which history is right: docs/guides/ledger-behind.md" },
  );

const noCheckpoint = (file: string): InvalidInput =>
  new InvalidInput("checkpoint-unreadable", `There is no checkpoint at ${file}`, {
    hint: "Name the newest one that is known with --checkpoint: from an export, a witness or a backup",
  });
