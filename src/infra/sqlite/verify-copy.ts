import { chmod, constants, copyFile, rm } from "node:fs/promises";
import type { CopyVerified, StoredCopy } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { BackgroundHash } from "./background-hash.ts";
import { readCatalog } from "./catalog.ts";
import { inSnapshot, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { copyHashed, requireAbsent, requireSpace, type FileDigest } from "./files.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { changedRows, countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/** Restores a stored backup to scratch and compares it. See `DatabaseEngine.verify`. */
export async function verifyCopy(
  session: Session,
  stored: StoredCopy,
  scratchPath: string,
): Promise<CopyVerified> {
  await requireAbsent(scratchPath);
  try {
    await requireSpace(scratchPath, stored.bytes);
    return await (stored.bytes < LARGE ? verifyInTurn : verifyAtOnce)(session, stored, scratchPath);
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm", "-journal"])
      await rm(scratchPath + suffix, { force: true });
    throw asDamage(engineError(error));
  }
}

/** From here on a thread of its own for the digest pays, bytes. */
const LARGE = 16 << 20;

async function verifyInTurn(
  session: Session,
  stored: StoredCopy,
  scratchPath: string,
): Promise<CopyVerified> {
  const digest = await copyHashed(stored.path, scratchPath, (bytes) => {
    const fraction = stored.bytes === 0 ? 0 : Math.min(1, bytes / stored.bytes);
    session.host.onProgress({ phase: "verify", fraction });
  });
  requireDigest(digest, stored);
  return compareCopy(scratchPath, stored);
}

/** The digest of what is stored and the checks of the copy need a processor each. */
async function verifyAtOnce(
  session: Session,
  stored: StoredCopy,
  scratchPath: string,
): Promise<CopyVerified> {
  const hash = new BackgroundHash(stored.path);
  try {
    session.host.onProgress({ phase: "verify", fraction: 0 });
    await copyFile(stored.path, scratchPath, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(scratchPath, 0o600);
    session.host.onProgress({ phase: "verify", fraction: 0.5 });
    const verified = await compareCopy(scratchPath, stored);
    requireDigest(await hash.digest(), stored);
    session.host.onProgress({ phase: "verify", fraction: 1 });
    return verified;
  } finally {
    await hash.end();
  }
}

function requireDigest(digest: FileDigest, stored: StoredCopy): void {
  if (digest.sha256 !== stored.sha256 || digest.bytes !== stored.bytes)
    throw damaged(`its digest is ${digest.sha256} instead of ${stored.sha256}`);
}

const compareCopy = (scratchPath: string, stored: StoredCopy): Promise<CopyVerified> =>
  withDatabase(scratchPath, "checking", (db) => inSnapshot(db, () => compare(db, stored)));

function compare(db: Connection, stored: StoredCopy): CopyVerified {
  const verdict = db.pragma("quick_check(1)", { simple: true });
  if (verdict !== "ok") throw damaged(String(verdict));
  const catalog = readCatalog(db);
  const fingerprint = fingerprintOf(catalog);
  const rows = countRows(db, catalog);
  if (fingerprint !== stored.fingerprint)
    throw differs(`its schema is ${fingerprint} instead of ${stored.fingerprint}`);
  const wrong = changedRows(stored.rows, rows)[0];
  if (wrong !== undefined)
    throw differs(`${wrong.table} has ${wrong.after} rows instead of ${wrong.before}`);
  return { fingerprint, rows, applied: appliedVersions(db) };
}

const damaged = (what: string): Unavailable =>
  new Unavailable("backup-damaged", `The stored backup is damaged: ${what}`, {
    hint: "Make a new backup now, and check the disk that holds the backups",
  });

const differs = (what: string): Unavailable =>
  new Unavailable(
    "backup-differs",
    `The restored backup differs from what was backed up: ${what}`,
    {
      hint: "Make a new backup; do not rely on this one",
    },
  );

/** A stored copy that cannot be opened or read is damaged, whatever SQLite calls it. */
const asDamage = (error: ReturnType<typeof engineError>): ReturnType<typeof engineError> =>
  ["not-a-database", "database-damaged"].includes(error.code) ? damaged(error.message) : error;
