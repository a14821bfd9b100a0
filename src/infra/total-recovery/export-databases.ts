import Database from "better-sqlite3";
import { link, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BackupManifest } from "../../domain/backup/backup-store.ts";
import { Conflict, failureOf } from "../../domain/shared/errors.ts";
import { exists } from "../files/exists.ts";
import { fsyncDirectory, makeDirectory } from "../files/atomic-write.ts";
import { fetchContent } from "../page-store/store-access.ts";
import { fsyncPath } from "../sqlite/files.ts";
import type { LostDirectory } from "./lost-directory.ts";

export interface ExportedDatabase {
  readonly name: string;
  /** Null: none of its backups could be read. */
  readonly file: string | null;
  readonly backupId: string | null;
  readonly createdAt: string | null;
  /** Newer backups that did not pass, with why. */
  readonly rejected: readonly { readonly backupId: string; readonly error: string }[];
}

/**
 * Writes each database of a backup directory to a file of its own, from the newest backup that
 * passes. Needs no ledger and no keys of one. Error: Conflict target-exists.
 */
export async function exportDatabases(
  lost: LostDirectory,
  into: string,
): Promise<ExportedDatabase[]> {
  await makeDirectory(into);
  const databases = [...lost.databases()];
  for (const [name] of databases)
    if (await exists(join(into, `${name}.db`)))
      throw new Conflict("target-exists", `There is already something at ${into}/${name}.db`, {
        hint: "Name a directory that does not exist; nothing is ever overwritten",
      });
  const exported: ExportedDatabase[] = [];
  for (const [name, backups] of databases)
    exported.push(await exportOne(lost, into, name, backups));
  await fsyncDirectory(into);
  return exported;
}

async function exportOne(
  lost: LostDirectory,
  into: string,
  name: string,
  newestFirst: readonly BackupManifest[],
): Promise<ExportedDatabase> {
  const rejected: { backupId: string; error: string }[] = [];
  for (const { backupId, createdAt } of newestFirst) {
    const place = join(into, `.${backupId}`);
    const file = join(into, `${name}.db`);
    try {
      await mkdir(place, { mode: 0o700 });
      const [written] = await fetchContent(await lost.store.access(backupId), place);
      const copy = join(place, written!);
      requireSound(copy);
      await fsyncPath(copy);
      await link(copy, file);
      return { name, file, backupId, createdAt, rejected };
    } catch (error) {
      rejected.push({ backupId, error: failureOf(error).message });
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }
  return { name, file: null, backupId: null, createdAt: null, rejected };
}

function requireSound(file: string): void {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const verdict = String(db.pragma("quick_check(1)", { simple: true }));
    if (verdict !== "ok") throw new Conflict("backup-damaged", verdict);
  } finally {
    db.close();
  }
}
