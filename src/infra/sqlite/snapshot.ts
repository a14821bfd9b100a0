import { rm } from "node:fs/promises";
import type { Snapshot } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { readCatalog } from "./catalog.ts";
import { pragmaNumber, readSnapshot, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { freeBytes, fsyncNewFile, hashFile, requireAbsent, requireSpace } from "./files.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { copyOnline } from "./online-copy.ts";
import { countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";
import { deadlineIn } from "./waiting.ts";

/** How long foreign connections may keep a backup from being made. */
const BACKUP_WAIT_MS = 30_000;

type Facts = Pick<Snapshot, "fingerprint" | "rows" | "applied" | "incarnation">;

/** A consistent, durable copy of the live database in one file. See `DatabaseEngine.snapshot`. */
export async function takeSnapshot(session: Session, path: string): Promise<Snapshot> {
  await requireAbsent(path);
  const step = await session.connections.step();
  // Before the copy's moment: whatever is committed later shows as another version.
  const dataVersion = await readSnapshot(step.db, () => pragmaNumber(step.db, "data_version"));
  try {
    const facts = await session.connections.using("managed", (db) => copy(session, db, path));
    await asSingleFile(path, facts.pages);
    // The disk writes while the processor hashes.
    const [digest] = await Promise.all([hashFile(path), fsyncNewFile(path)]);
    session.snapshot = { db: step.db, dataVersion, tables: new Set(Object.keys(facts.read.rows)) };
    session.touched.clear();
    return { ...digest, ...facts.read, freeBytes: await freeBytes(path) };
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) await rm(path + suffix, { force: true });
    throw engineError(error);
  }
}

async function copy(
  session: Session,
  db: Connection,
  path: string,
): Promise<{ readonly read: Facts; readonly pages: number }> {
  const bytes = await readSnapshot(
    db,
    () => pragmaNumber(db, "page_count") * pragmaNumber(db, "page_size"),
  );
  await requireSpace(path, bytes);
  let read: Facts | undefined;
  const pages = await copyOnline({
    source: db,
    destination: path,
    deadline: deadlineIn(BACKUP_WAIT_MS),
    busyCode: "backup-busy",
    alongside: () => (read = readFacts(session, db)),
    onProgress: (fraction) => session.host.onProgress({ phase: "backup", fraction }),
  });
  return { read: read!, pages };
}

function readFacts(session: Session, db: Connection): Facts {
  const meta = requireMeta(db);
  requireIdentity(meta, session.target);
  const catalog = readCatalog(db);
  return {
    fingerprint: fingerprintOf(catalog),
    rows: countRows(db, catalog),
    applied: appliedVersions(db),
    incarnation: meta.incarnation,
  };
}

/** A copy of a WAL database says that it has a WAL: it would need side files to be opened. */
const asSingleFile = (path: string, pages: number): Promise<void> =>
  withDatabase(path, "managed", (db) => {
    const mode = db.pragma("journal_mode = DELETE", { simple: true });
    const found = pragmaNumber(db, "page_count");
    if (mode !== "delete" || found !== pages)
      throw new Unavailable(
        "backup-differs",
        `The copy has ${found} pages of ${pages} and journal mode ${String(mode)}`,
        { hint: "Make another backup; check the disk if it happens again" },
      );
  });
