import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Keyring } from "../infra/signing/keyring.ts";
import { Conflict } from "../domain/shared/errors.ts";
import { fsyncDirectory } from "../infra/files/atomic-write.ts";
import { PostgresLedgerCopies } from "../infra/postgres/ledger/ledger-copies.ts";
import { openFailed } from "../infra/postgres/ledger/errors.ts";
import { importFile } from "../infra/postgres/ledger/import-file.ts";
import { prepare } from "../infra/postgres/ledger/open-place.ts";
import { sealLedger, unsealLedger } from "../infra/postgres/ledger/seal.ts";
import { openSession, type LedgerPlace } from "../infra/postgres/ledger/session.ts";
import { drop } from "../infra/postgres/ledger/sessions.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { fsyncPath } from "../infra/sqlite/files.ts";
import { LedgerOnDisk } from "../infra/sqlite/ledger-on-disk.ts";
import { LEDGER_SCHEMA_VERSION } from "../infra/sqlite/ledger-schema.ts";
import { asOneFile, isSealedFile, sealFile, unsealFile } from "../infra/sqlite/sealed-file.ts";
import { verifyLedgerFile, type KeptHead } from "../infra/sqlite/verify-ledger.ts";
import { ledgerFile, tileCache } from "./config.ts";
import { ledgerPlaceOf, ledgerUrlFile, placeOf, storeLedgerUrl } from "./ledger-place.ts";
import { lockedLedger } from "./locked-ledger.ts";

/** What was moved: every event, and the root over them, which is the same on both sides. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

const digest = new NodeDigest();

/**
 * Moves the ledger of a data directory into a PostgreSQL database (`to`: its url) or back into a file
 * (`to`: "file"). What is left behind is sealed first, so that nothing can be appended to it any
 * more; what was copied is read back and verified as a whole, with every signature, before the
 * directory works with it. After a crash the same command goes on. Errors: Conflict
 * ledger-elsewhere, ledger-not-a-prefix, ledger-copy-differs; those of opening either side.
 */
export function moveLedger(data: string, to: string): Promise<Moved> {
  return lockedLedger(data, "schemaledger ledger move", async (keyring) => {
    const from = await ledgerPlaceOf({ data });
    if (to !== "file") {
      if (from !== undefined) throw isThere(data, from.address.url);
      return intoPostgres(data, await placeOf(data, to), keyring);
    }
    if (from === undefined) throw isThere(data, ledgerFile({ data }));
    return intoFile(data, from, keyring);
  });
}

async function intoPostgres(data: string, place: LedgerPlace, keyring: Keyring): Promise<Moved> {
  const file = ledgerFile({ data });
  const { url } = place.address;
  const { name: origin } = keyring;
  const keys = await keysOf(data, keyring);
  const source = await verified(file, keys, []);
  await prepare(place, origin).catch((error: unknown) => {
    throw openFailed(url, error);
  });
  sealFile(file, url);
  const client = await openSession(place, "reader");
  try {
    const unfinished = `${url} itself, once its copy is verified: repeat schemaledger ledger move`;
    await importFile(client, file, { origin, digest, unfinished });
    const copies = new PostgresLedgerCopies(place);
    const target = await copies.withCopy(join(data, "scratch"), (copy) => verified(copy, keys, []));
    requireSame(source, target, url);
    await unsealLedger(client);
  } catch (error) {
    unsealFile(file, LEDGER_SCHEMA_VERSION);
    throw error;
  } finally {
    await drop(client);
  }
  await storeLedgerUrl(data, url);
  return { from: file, to: url, ...shown(source) };
}

async function intoFile(data: string, place: LedgerPlace, keyring: Keyring): Promise<Moved> {
  const file = ledgerFile({ data });
  const { url } = place.address;
  const keys = await keysOf(data, keyring, place);
  // What was moved away from here before must be the beginning of what comes back.
  const left = existsSync(file) ? await leftBehind(file, keys) : undefined;
  const part = `${file}.part`;
  await rm(part, { force: true });
  const client = await openSession(place, "reader");
  try {
    await sealLedger(client, `${hostname()}:${file}`);
    await new PostgresLedgerCopies(place).copyTo(part);
    const target = await verified(part, keys, left === undefined ? [] : [left]);
    await fsyncPath(part);
    if (left !== undefined) {
      // A WAL that stayed behind would be taken for that of the new file.
      asOneFile(file);
      await rename(file, join(data, `ledger-sealed-${left.size}.db`));
    }
    await rename(part, file);
    await fsyncDirectory(data);
    await rm(ledgerUrlFile(data));
    await fsyncDirectory(data);
    return { from: url, to: file, ...shown(target) };
  } catch (error) {
    if (existsSync(ledgerUrlFile(data)) && !(existsSync(file) && !isSealedFile(file)))
      await unsealLedger(client);
    await rm(part, { force: true });
    throw error;
  } finally {
    await drop(client);
  }
}

/** The head of a file that was sealed. Error: Conflict ledger-elsewhere if it was not. */
async function leftBehind(file: string, keys: readonly string[]): Promise<KeptHead> {
  if (!isSealedFile(file))
    throw new Conflict("ledger-elsewhere", `${file} is there, and was not sealed`, {
      hint: "Nothing is written over a ledger: put the file aside",
    });
  const { size, root } = await verified(file, keys, []);
  return { size, root, name: "The ledger that was moved away from here" };
}

interface Verified {
  readonly size: number;
  readonly root: Uint8Array;
}

async function verified(
  file: string,
  verifierKeys: readonly string[],
  kept: readonly KeptHead[],
): Promise<Verified> {
  const options = { digest, verifierKeys, kept, wholeFile: true, workers: 1 };
  const { ok, findings, size, root } = await verifyLedgerFile(file, options);
  if (ok) return { size, root };
  throw new Conflict("ledger-copy-differs", `${file} is not right: ${findings[0]!.message}`, {
    hint: "Nothing was moved. Verify the ledger with schemaledger verify",
  });
}

/** Of every key that ever signed it: the ledger names them, and the first is in the directory. */
async function keysOf(
  data: string,
  keyring: Keyring,
  place?: LedgerPlace,
): Promise<readonly string[]> {
  const named = async (file: string): Promise<readonly string[]> => {
    const copy = new LedgerOnDisk(file, digest, tileCache({ data }));
    try {
      return copy.keyTexts();
    } finally {
      await copy.close();
    }
  };
  const copies = place === undefined ? undefined : new PostgresLedgerCopies(place);
  const texts =
    copies === undefined
      ? await named(ledgerFile({ data }))
      : await copies.withCopy(join(data, "scratch"), named);
  return [...new Set([keyring.firstVerifierKey, ...texts])];
}

function requireSame(source: Verified, target: Verified, url: string): void {
  if (source.size === target.size && digest.hex(source.root) === digest.hex(target.root)) return;
  throw new Conflict("ledger-copy-differs", `${url} has another root than the file`, {
    hint: "Nothing was moved: see that nobody else writes there",
  });
}

const shown = ({ size, root }: Verified) => ({ size, root: digest.base64(root) });

const isThere = (data: string, where: string): Conflict =>
  new Conflict("ledger-elsewhere", `The ledger of ${data} is ${where} already`, {
    hint: "Move it back first: schemaledger ledger move --to file",
  });
