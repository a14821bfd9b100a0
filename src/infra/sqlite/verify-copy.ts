import { rm } from "node:fs/promises";
import type { CopyVerified, StoredCopy } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { requireManifest, requireRecorded, restoreFiles } from "../page-store/store-access.ts";
import { readCatalog } from "./catalog.ts";
import { inSnapshot, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { requireAbsent, requireSpace } from "./files.ts";
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
    const manifest = await requireManifest(stored.access);
    requireRecorded(manifest, stored);
    await requireSpace(scratchPath, stored.bytes);
    const report = (fraction: number): void =>
      session.host.onProgress({ phase: "verify", fraction });
    await restoreFiles(stored.access, manifest, [scratchPath], {
      isToKeep: stored.isToKeep === true,
      onProgress: (part) => report(part * 0.8),
    });
    const verified = await compareCopy(scratchPath, stored);
    report(1);
    return verified;
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm", "-journal"])
      await rm(scratchPath + suffix, { force: true });
    throw asDamage(engineError(error));
  }
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
