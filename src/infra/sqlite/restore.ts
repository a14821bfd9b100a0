import Database from "better-sqlite3";
import { dirname } from "node:path";
import type { Restored, RestoreRequest } from "../../domain/engine/database-engine.ts";
import type { Finding, RowChange, TableRows } from "../../domain/migration/events.ts";
import { Conflict, DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { readCatalog } from "./catalog.ts";
import {
  beginImmediate,
  commit,
  journalMode,
  openDatabase,
  pragmaNumber,
  readSnapshot,
  type Connection,
} from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { fileId, fsyncPath, requireSpace, sizeOf } from "./files.ts";
import { fingerprintOf, liveSchema } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { raiseFence, readMeta, requireMeta, requireSameDatabase } from "./meta.ts";
import { copyOnline } from "./online-copy.ts";
import { replaceFile } from "./replace-file.ts";
import { replaceOffline } from "./replace-offline.ts";
import { changedRows, countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { engineError, isBusy } from "./sqlite-error.ts";
import { deadlineIn } from "./waiting.ts";

/** What the live path holds: a database to write into, or nothing that can be kept open. */
interface Live {
  readonly usable: boolean;
  readonly rows: TableRows;
}

interface Content {
  readonly fingerprint: string;
  readonly rows: TableRows;
}

/** Puts the scratch copy in place of the live content. See `DatabaseEngine.restore`. */
export async function restore(session: Session, request: RestoreRequest): Promise<Restored> {
  session.connections.closeAll();
  session.snapshot = undefined;
  const { url } = session.target;
  try {
    const live = await claimLive(session, request);
    const content = await prepareScratch(session, request);
    await requireSpace(url, await sizeOf(request.scratchPath));
    await session.faults("restore-before-copy");
    const findings = await putInPlace(session, request, live);
    await session.faults("restore-after-copy");
    await makeDurable(session, request);
    const restored = await compare(session, request, content, live.rows);
    return { ...restored, findings: [...findings, ...restored.findings] };
  } catch (error) {
    throw engineError(error);
  }
}

/** Online unless asked otherwise: only a file that SQLite cannot use is replaced as a file. */
async function putInPlace(
  session: Session,
  request: RestoreRequest,
  { usable }: Live,
): Promise<Finding[]> {
  if (usable && request.method === "offline") return replaceOffline(session, request);
  if (!usable || !(await copyOver(session, request))) await replace(session, request);
  return [];
}

/** Raises the fence of the database that is to be replaced, so that no older step can follow. */
async function claimLive(session: Session, request: RestoreRequest): Promise<Live> {
  const { url } = session.target;
  if (fileId(url) === undefined) return { usable: false, rows: {} };
  try {
    return await withDatabase(url, "managed", async (db) => {
      await beginImmediate(db, deadlineIn(request.lockTimeoutMs));
      const meta = metaIfReadable(db);
      if (meta !== undefined) {
        requireSameDatabase(meta, session.target);
        raiseFence(db, request.token);
      }
      const rows = rowsIfReadable(db);
      await commit(db, deadlineIn(request.lockTimeoutMs));
      return { usable: true, rows };
    });
  } catch (error) {
    if (isUnreadable(engineError(error))) return { usable: false, rows: {} };
    throw error;
  }
}

/** The file that could say its journal mode is gone or damaged: the ledger remembers. */
async function replace({ target }: Session, request: RestoreRequest): Promise<void> {
  await replaceFile(request.scratchPath, target.url, request.incarnation);
  const { physical } = request;
  if (physical !== undefined && "journalMode" in physical && physical.journalMode === "wal")
    await withDatabase(target.url, "managed", (db) => db.pragma("journal_mode = WAL"));
}

const isUnreadable = ({ code }: DomainError): boolean =>
  code === "not-a-database" || code === "database-damaged";

/** Own tables that were tampered with must not keep a restore from being made. */
function metaIfReadable(db: Connection): ReturnType<typeof readMeta> {
  try {
    return readMeta(db);
  } catch (error) {
    if (error instanceof DomainError && error.code === "markers-damaged") return undefined;
    throw error;
  }
}

function rowsIfReadable(db: Connection): TableRows {
  try {
    return countRows(db, readCatalog(db));
  } catch {
    // A damaged table cannot be counted; that is why the database is being restored.
    return {};
  }
}

/** The new incarnation and the fence travel in the copy, so that they arrive with the content. */
const prepareScratch = (session: Session, request: RestoreRequest): Promise<Content> =>
  withDatabase(request.scratchPath, "managed", async (db) => {
    await beginImmediate(db, deadlineIn(request.lockTimeoutMs));
    requireSameDatabase(requireMeta(db), session.target);
    db.prepare("UPDATE main.schemaledger_meta SET fence = ?, incarnation = ?").run(
      request.token,
      request.incarnation,
    );
    await commit(db, deadlineIn(request.lockTimeoutMs));
    // A source in WAL mode would turn a database in another mode into WAL.
    db.pragma("journal_mode = DELETE");
    return request.content ?? readSnapshot(db, () => contentOf(db));
  });

function contentOf(db: Connection): Content {
  const catalog = readCatalog(db);
  return { fingerprint: fingerprintOf(catalog), rows: countRows(db, catalog) };
}

/** One transaction of the live database. False: it is too damaged to be written into. */
async function copyOver(session: Session, request: RestoreRequest): Promise<boolean> {
  const { url } = session.target;
  const source = await openDatabase(request.scratchPath, "managed");
  try {
    const wasWal = await matchPageSize(url, source);
    await copyOnline({
      source,
      destination: url,
      deadline: deadlineIn(request.lockTimeoutMs),
      busyCode: "restore-busy",
      // Somebody newer may have come while this process was stopped: look as late as possible.
      alongside: () => requireNotFenced(url, request.token),
      onLocked: () => requireNotFenced(url, request.token),
      onProgress: (fraction) => session.host.onProgress({ phase: "restore", fraction }),
    });
    if (wasWal) await withDatabase(url, "managed", (db) => db.pragma("journal_mode = WAL"));
    return true;
  } catch (error) {
    if (isUnreadable(engineError(error))) return false;
    throw error;
  } finally {
    source.close();
  }
}

/** A database in WAL mode cannot take another page size: it leaves WAL if nobody else is there. */
const matchPageSize = (url: string, source: Connection): Promise<boolean> =>
  withDatabase(url, "managed", async (db) => {
    if (journalMode(db) !== "wal") return false;
    const pageSize = await readSnapshot(db, () => pragmaNumber(db, "page_size"));
    if (pageSize === pragmaNumber(source, "page_size")) return false;
    try {
      db.pragma("journal_mode = DELETE");
      return true;
    } catch (error) {
      if (!isBusy(error)) throw error;
      throw new Unavailable(
        "restore-busy",
        "The backup has another page size, and other connections keep the database in WAL mode",
        { hint: "Stop the application, then restore again" },
      );
    }
  });

function requireNotFenced(url: string, token: number): void {
  const db = new Database(url, { fileMustExist: true, timeout: 0 });
  try {
    const fence = metaIfReadable(db)?.fence ?? 0;
    if (fence > token)
      throw new Conflict("fenced", `A newer holder than ${token} has written to the database`, {
        hint: "Another instance took over; its outcome is in the ledger",
      });
  } catch (error) {
    // In rollback-journal modes nobody can look behind the lock that the copy itself holds; the
    // look just before it is the last there.
    if (!isBusy(error)) throw error;
  } finally {
    db.close();
  }
}

/**
 * The driver commits the copy with less than full durability. A small commit with our own settings
 * syncs all that came before it.
 */
async function makeDurable(session: Session, request: RestoreRequest): Promise<void> {
  const { url } = session.target;
  await withDatabase(url, "managed", async (db) => {
    await beginImmediate(db, deadlineIn(request.lockTimeoutMs));
    raiseFence(db, request.token);
    await commit(db, deadlineIn(request.lockTimeoutMs));
    if (journalMode(db) === "wal") db.pragma("wal_checkpoint(TRUNCATE)");
  });
  await fsyncPath(dirname(url));
}

/**
 * What arrived carries the incarnation, so all of it arrived. Others may write from then on: rows
 * that differ are told, another schema is nothing that an application makes.
 */
const compare = (
  session: Session,
  { incarnation }: RestoreRequest,
  expected: Content,
  rowsBefore: TableRows,
): Promise<Restored & { readonly findings: Finding[] }> =>
  withDatabase(session.target.url, "checking", (db) =>
    readSnapshot(db, () => {
      const { fingerprint, rows } = contentOf(db);
      if (fingerprint !== expected.fingerprint || requireMeta(db).incarnation !== incarnation)
        throw new Unavailable("restore-differs", "The restored database differs from the backup", {
          hint: "Stop whatever else changes the database's schema, then restore again",
        });
      const findings = changedRows(expected.rows, rows).map(writtenSince);
      const live = liveSchema(db);
      return { live, applied: appliedVersions(db), rowsBefore, rowsAfter: rows, findings };
    }),
  );

const writtenSince = ({ table, before, after }: RowChange): Finding => ({
  severity: "warning",
  code: "written-since",
  table,
  message: `${table} has ${after ?? 0} rows instead of ${before ?? 0}: others have written since the restore`,
  hint: "An application that stays connected during a restore goes on with the old data in its memory: start it anew",
});
