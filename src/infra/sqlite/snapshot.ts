import { join } from "node:path";
import type { StoreAccess, StoredContent } from "../../domain/backup/backup-store.ts";
import type { Snapshot } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { storeFilesApart } from "../page-store/packer.ts";
import { storeFiles, withWorkspace } from "../page-store/store-access.ts";
import { readCatalog } from "./catalog.ts";
import { pragmaNumber, readSnapshot, type Connection } from "./connection.ts";
import { requireSpace, sizeOf } from "./files.ts";
import { withFrozenFile } from "./frozen-file.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { withLockedFile } from "./locked-file.ts";
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
    const isSmall = (await sizeOf(session.target.url)) < LARGE;
    const frozen = isSmall ? undefined : await storeFrozen(session, access);
    const small = isSmall ? await storeSmall(session, access, step.db) : undefined;
    const held = frozen ?? small ?? (isSmall ? undefined : await storeLocked(session, access));
    const { content, facts } = held ?? (await storeCopy(session, access));
    session.snapshot = { db: step.db, dataVersion, tables: new Set(Object.keys(facts.rows)) };
    session.touched.clear();
    return { content, ...facts, method: frozen === undefined ? "copied" : "frozen" };
  } catch (error) {
    throw engineError(error);
  }
}

interface Stored {
  readonly content: StoredContent;
  readonly facts: Facts;
}

/** From here on another process pays that reads the file itself, bytes. Smaller ones fit into memory. */
const LARGE = 16 << 20;

/** Stores a moment that is held in memory. Undefined if the WAL made it large. */
async function storeSmall(
  session: Session,
  access: StoreAccess,
  db: Connection,
): Promise<Stored | undefined> {
  const moment = await readSnapshot(db, () => {
    const pageSize = pragmaNumber(db, "page_size");
    const expected = pragmaNumber(db, "page_count") * pageSize;
    if (expected >= LARGE) return undefined;
    const facts = readFacts(session, db);
    const bytes = db.serialize();
    requireWhole(bytes.length, expected / pageSize, pageSize);
    return { bytes, facts };
  });
  if (moment === undefined) return undefined;
  const { bytes, facts } = moment;
  const file = { name: SNAPSHOT_FILE, path: "", bytes: bytes.length, content: bytes };
  const content = await storeFiles(access, [{ ...file, withoutWal: true }], (fraction) =>
    session.host.onProgress({ phase: "backup", fraction }),
  );
  return { content, facts };
}

/** Stores the database's own file while it is frozen. Undefined if it cannot be. */
async function storeFrozen(session: Session, access: StoreAccess): Promise<Stored | undefined> {
  const { url } = session.target;
  return withFrozenFile(session.connections, url, async ({ db, path, bytes, signal }) => {
    await session.faults("snapshot-frozen");
    const file = { name: SNAPSHOT_FILE, path, bytes, withoutWal: true };
    const onProgress = (fraction: number): void =>
      session.host.onProgress({ phase: "backup", fraction });
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const packing = storeFilesApart({ access, files: [file], onProgress, signal: either });
    packing.catch(() => {});
    try {
      // Lets the order leave before the engine blocks this process; it reads the same moment.
      await new Promise((resolve) => setImmediate(resolve));
      const facts = readFacts(session, db);
      return { content: await packing, facts };
    } finally {
      stop.abort();
      // Its end is awaited above, or what was thrown says more.
      await packing.catch(() => {});
    }
  });
}

/**
 * Copies the database's own file while a reader's lock keeps writers from it, and stores the copy
 * when they go on. Undefined if the lock does not keep them: in WAL mode.
 */
const storeLocked = (session: Session, access: StoreAccess): Promise<Stored | undefined> =>
  withWorkspace(access, async (workspace) => {
    const { url } = session.target;
    const stop = new AbortController();
    let packing: Promise<StoredContent> | undefined;
    try {
      const facts = await withLockedFile(session.connections, url, async ({ db, path, bytes }) => {
        const copy = join(workspace, SNAPSHOT_FILE);
        await requireSpace(copy, bytes);
        const copied = new Promise<void>((resolve, reject) => {
          packing = storeFilesApart({
            access,
            files: [{ name: SNAPSHOT_FILE, path, bytes, withoutWal: true }],
            copies: [copy],
            signal: stop.signal,
            onCopied: resolve,
            onProgress: (fraction) => session.host.onProgress({ phase: "backup", fraction }),
          });
          packing.catch(reject);
        });
        copied.catch(() => {});
        // Lets the order leave before the engine blocks this process; it reads the same moment.
        await new Promise((resolve) => setImmediate(resolve));
        const found = readFacts(session, db);
        await copied;
        await session.faults("snapshot-locked");
        return found;
      });
      return facts && { content: await packing!, facts };
    } finally {
      stop.abort();
      // Its end is awaited above, or what was thrown says more.
      await packing?.catch(() => {});
    }
  });

/** Copies the database through SQLite, and stores the copy. */
const storeCopy = (session: Session, access: StoreAccess): Promise<Stored> =>
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
  requireWhole(await sizeOf(path), pages, pageSize);
  return facts!;
}

function requireWhole(found: number, pages: number, pageSize: number): void {
  if (found === pages * pageSize) return;
  throw new Unavailable(
    "backup-differs",
    `The copy has ${found} bytes where the database has ${pages} pages of ${pageSize}`,
    { hint: "Make another backup; check the disk if it happens again" },
  );
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
