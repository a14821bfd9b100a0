import { join } from "node:path";
import type { StoreAccess, StoredContent } from "../../domain/backup/backup-store.ts";
import type { Snapshot } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { storeFiles, withWorkspace } from "../page-store/store-access.ts";
import { readCatalog } from "./catalog.ts";
import { pragmaNumber, readSnapshot, type Connection } from "./connection.ts";
import { requireSpace, sizeOf } from "./files.ts";
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

/** The file's name in a backup. */
export const SNAPSHOT_FILE = "snapshot.sqlite";

type Facts = Pick<Snapshot, "fingerprint" | "rows" | "applied" | "incarnation">;

/** Stores one moment of the live database. See `DatabaseEngine.snapshot`. */
export async function takeSnapshot(session: Session, access: StoreAccess): Promise<Snapshot> {
  const step = await session.connections.step();
  // Before the copy's moment: whatever is committed later shows as another version.
  const dataVersion = await readSnapshot(step.db, () => pragmaNumber(step.db, "data_version"));
  try {
    const { content, facts } = await storeCopy(session, access);
    session.snapshot = { db: step.db, dataVersion, tables: new Set(Object.keys(facts.rows)) };
    session.touched.clear();
    return { content, ...facts, method: "copied" };
  } catch (error) {
    throw engineError(error);
  }
}

/** Copies the database through SQLite, and stores the copy. */
const storeCopy = (
  session: Session,
  access: StoreAccess,
): Promise<{ readonly content: StoredContent; readonly facts: Facts }> =>
  withWorkspace(access, async (workspace) => {
    const path = join(workspace, SNAPSHOT_FILE);
    const facts = await session.connections.using("managed", (db) => copy(session, db, path));
    // Nobody is connected to the copy any more: it can be read as a file.
    const file = { name: SNAPSHOT_FILE, path, bytes: await sizeOf(path), withoutWal: true };
    const content = await storeFiles(access, [file], (fraction) =>
      session.host.onProgress({ phase: "backup", fraction: 0.5 + fraction / 2 }),
    );
    return { content, facts };
  });

async function copy(session: Session, db: Connection, path: string): Promise<Facts> {
  const pageSize = pragmaNumber(db, "page_size");
  const bytes = await readSnapshot(db, () => pragmaNumber(db, "page_count") * pageSize);
  await requireSpace(path, bytes);
  let facts: Facts | undefined;
  const pages = await copyOnline({
    source: db,
    destination: path,
    deadline: deadlineIn(BACKUP_WAIT_MS),
    busyCode: "backup-busy",
    alongside: () => (facts = readFacts(session, db)),
    onProgress: (fraction) => session.host.onProgress({ phase: "backup", fraction: fraction / 2 }),
  });
  const found = await sizeOf(path);
  if (found !== pages * pageSize)
    throw new Unavailable(
      "backup-differs",
      `The copy has ${found} bytes where the database has ${pages} pages of ${pageSize}`,
      { hint: "Make another backup; check the disk if it happens again" },
    );
  return facts!;
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
