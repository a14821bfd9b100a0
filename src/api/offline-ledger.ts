import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../domain/ledger/checkpoint.ts";
import { Proofs } from "../domain/ledger/proofs.ts";
import { parseVerifierKey, type VerifierKey } from "../domain/ledger/verifier-key.ts";
import { InvalidInput, Unavailable } from "../domain/shared/errors.ts";
import { ExportFiles } from "../infra/log-export/export-files.ts";
import type { ExportPlace } from "../infra/log-export/export-place.ts";
import { ExportReader } from "../infra/log-export/export-reader.ts";
import { LogExport, type Exported } from "../infra/log-export/log-export.ts";
import type { S3Settings } from "../infra/s3/s3-settings.ts";
import { checkEd25519 } from "../infra/signing/ed25519-signer.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";
import { LedgerOnDisk } from "../infra/sqlite/ledger-on-disk.ts";
import {
  verifyLedgerFile,
  type KeptHead,
  type LedgerVerification,
} from "../infra/sqlite/verify-ledger.ts";
import { ledgerFile, tileCache } from "./config.ts";
import { ledgerPlaceOf } from "./ledger-place.ts";

/** What the ledger is compared with. */
export interface Compare {
  /** Files with signed checkpoints. */
  readonly checkpoints: readonly string[];
  readonly since?: string | undefined;
  /** Verifier keys, or files with some; none: those that the ledger names itself. */
  readonly vkeys: readonly string[];
  readonly workers?: number;
}

const digest = new NodeDigest();

/**
 * Verifies a ledger without any service: a data directory's ledger file, beside whatever process has
 * it, or an exported directory.
 */
export async function verifyOffline(place: string, compare: Compare): Promise<LedgerVerification> {
  const given = await keysOf(compare.vkeys);
  return existsSync(join(place, "tile"))
    ? verifyExport(place, given, compare)
    : verifyData(place, given, compare);
}

/** The verifier keys of a data directory or an export, as it names them. */
export async function keysNamedBy(place: string): Promise<readonly VerifierKey[]> {
  if (existsSync(join(place, "tile"))) return new ExportReader(place, digest).keysBeside();
  return withCopy(place, async (copy) => copy.keys().all);
}

async function verifyExport(
  place: string,
  given: readonly VerifierKey[],
  compare: Compare,
): Promise<LedgerVerification> {
  const reader = new ExportReader(place, digest);
  const keys = given.length > 0 ? given : await reader.keysBeside();
  return reader.verify(keys, await keptHeads(compare.checkpoints, keys));
}

async function verifyData(
  data: string,
  given: readonly VerifierKey[],
  { checkpoints, since, workers = 2 }: Compare,
): Promise<LedgerVerification> {
  const named = await withCopy(data, async (copy) => copy.keys());
  const keys = given.length > 0 ? given : named.all;
  const own = join(data, "checkpoint");
  const files = existsSync(own) ? [...checkpoints, own] : checkpoints;
  const options = {
    digest,
    verifierKeys: keys.map((key) => verifierText(key)),
    kept: await keptHeads(files, keys),
    since: since === undefined ? undefined : (await keptHeads([since], keys))[0],
    tileCache: tileCache({ data }),
    workers,
  };
  return withFile(data, (ledger) => verifyLedgerFile(ledger, options));
}

/** Exports a data directory's log up to its newest signed checkpoint. */
export async function exportOffline(
  data: string,
  directory: string | S3Settings,
  payloads: boolean,
): Promise<Exported> {
  return withCopy(data, async (copy) => {
    const { all, active } = copy.keys();
    const checkpoint = copy.newestCheckpoint;
    if (checkpoint === undefined) throw nothingSigned(data);
    const { log, content } = copy;
    const place = await exportPlace(directory);
    const target = new LogExport(place, { log, content, digest, keys: () => all }, payloads);
    return target.run(checkpoint, active);
  });
}

async function exportPlace(named: string | S3Settings): Promise<ExportPlace> {
  if (typeof named === "string") return new ExportFiles(named);
  const { openS3Export } = await import("../infra/s3/open-s3-place.ts");
  return openS3Export(named);
}

/** The proof file of an event and the entry it is about, against the newest signed checkpoint. */
export async function proveOffline(
  data: string,
  index: number,
): Promise<{ readonly proof: string; readonly entry: Uint8Array }> {
  return withCopy(data, async (copy) => {
    const checkpoint = copy.newestCheckpoint;
    if (checkpoint === undefined) throw nothingSigned(data);
    const proofs = new Proofs({ checkpoint: async () => checkpoint }, copy.log, digest);
    return { proof: await proofs.fileOf(index), entry: (await proofs.entry(index)).leaf };
  });
}

async function withCopy<T>(data: string, use: (copy: LedgerOnDisk) => Promise<T>): Promise<T> {
  return withFile(data, async (file) => {
    const copy = new LedgerOnDisk(file, digest, tileCache({ data }));
    try {
      return await use(copy);
    } finally {
      await copy.close();
    }
  });
}

/** The directory's ledger as a file: its own, or one that everything in PostgreSQL was read into. */
async function withFile<T>(data: string, use: (file: string) => Promise<T>): Promise<T> {
  const place = await ledgerPlaceOf({ data });
  if (place === undefined) return use(ledgerFile({ data }));
  const { PostgresLedgerCopies } = await import("../infra/postgres/ledger/ledger-copies.ts");
  return new PostgresLedgerCopies(place).withCopy(join(data, "scratch"), use);
}

async function keysOf(vkeys: readonly string[]): Promise<readonly VerifierKey[]> {
  const texts = await Promise.all(
    vkeys.map(async (one) => (existsSync(one) ? await readFile(one, "utf8") : one)),
  );
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.trim() !== "");
  return lines.map((line) => parseVerifierKey(digest, line.trim()));
}

async function keptHeads(
  files: readonly string[],
  keys: readonly VerifierKey[],
): Promise<readonly KeptHead[]> {
  return Promise.all(
    files.map(async (name) => {
      const { size, root } = openCheckpoint(digest, await noteIn(name), keys, checkEd25519);
      return { size, root, name };
    }),
  );
}

async function noteIn(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidInput("checkpoint-unreadable", `The checkpoint cannot be read: ${why}`, {
      hint: "Name a file with a signed checkpoint",
    });
  }
}

const verifierText = ({ name, id, type, publicKey }: VerifierKey): string =>
  `${name}+${digest.hex(id)}+${digest.base64(Uint8Array.of(type, ...publicKey))}`;

const nothingSigned = (data: string): Unavailable =>
  new Unavailable("nothing-signed", `The ledger in ${data} has no signed checkpoint yet`, {
    hint: "A moment after its first event it has one",
  });
