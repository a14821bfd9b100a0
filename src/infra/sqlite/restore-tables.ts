import type { TableRestoreRequest, TablesRestored } from "../../domain/engine/database-engine.ts";
import type { TableRestored } from "../../domain/backup/events.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { beginImmediate, commit, journalMode, rollback, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { liveSchema } from "./fingerprint.ts";
import { newViolations, readViolations, type ViolationBaseline } from "./foreign-keys.ts";
import { appliedVersions } from "./markers.ts";
import { raiseFence, requireIdentity, requireMeta } from "./meta.ts";
import { foreignKeys, reachOf } from "./reach.ts";
import { restoreTable } from "./restore-table.ts";
import { countRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { foldName } from "./sql/tokens.ts";
import { engineError } from "./sqlite-error.ts";
import { readSource, type TableSource } from "./table-source.ts";
import { deadlineIn } from "./waiting.ts";

/** Name under which the copy is attached. */
const SOURCE = "schemaledger_source";

/** Single tables, in one transaction. See `DatabaseEngine.restoreTables`. */
export async function restoreTables(
  session: Session,
  request: TableRestoreRequest,
): Promise<TablesRestored> {
  session.connections.closeAll();
  session.snapshot = undefined;
  const path = request.rehearseOn ?? session.target.url;
  try {
    const source = await readSource(request.scratchPath);
    const result = await withDatabase(path, "managed", async (db) => {
      db.prepare(`ATTACH ? AS ${SOURCE}`).run(source.path);
      // It is only read: with its own durability the commit would be one of two files.
      db.pragma(`${SOURCE}.synchronous = OFF`);
      return inTransaction(session, db, source, request);
    });
    if (request.rehearseOn === undefined) await session.faults("tables-after-commit");
    return result;
  } catch (error) {
    throw engineError(error);
  }
}

async function inTransaction(
  session: Session,
  db: Connection,
  source: TableSource,
  request: TableRestoreRequest,
): Promise<TablesRestored> {
  const isLive = request.rehearseOn === undefined;
  await beginImmediate(db, deadlineIn(request.lockTimeoutMs));
  if (isLive) claim(session, db, request);
  const catalog = readCatalog(db);
  const rowsBefore = countRows(db, catalog);
  const before = violationsAround(db, catalog, request);
  const { tables, findings } = restoreEach(session, db, source, catalog, request);
  const after = readCatalog(db);
  const known = [...findings, ...referenceFindings(before, violationsAround(db, after, request))];
  if (known.some(({ severity }) => severity === "error")) {
    rollback(db);
    return { status: "refused", findings: known };
  }
  if (isLive)
    db.prepare("UPDATE main.schemaledger_meta SET incarnation = ?").run(request.incarnation);
  const restored = {
    live: liveSchema(db),
    applied: appliedVersions(db),
    rowsBefore,
    rowsAfter: countRows(db, after),
  };
  if (isLive) await session.faults("tables-before-commit");
  await commit(db, deadlineIn(request.lockTimeoutMs));
  if (isLive && journalMode(db) === "wal") db.pragma("main.wal_checkpoint(PASSIVE)");
  return { status: "done", ...restored, tables, findings: known };
}

/** Only the database that the ledger means, as the ledger last saw it, and no newer holder's. */
function claim(session: Session, db: Connection, { token }: TableRestoreRequest): void {
  requireIdentity(requireMeta(db), session.target);
  raiseFence(db, token);
}

interface Outcome {
  readonly tables: readonly TableRestored[];
  readonly findings: readonly Finding[];
}

function restoreEach(
  session: Session,
  db: Connection,
  source: TableSource,
  catalog: Catalog,
  request: TableRestoreRequest,
): Outcome {
  const tables: TableRestored[] = [];
  const findings: Finding[] = [];
  for (const [at, name] of request.tables.entries()) {
    session.host.onProgress({
      phase: "restore",
      fraction: at / request.tables.length,
      detail: name,
    });
    const result = restoreTable({ db, source, schema: SOURCE, catalog, request }, name);
    findings.push(...result.findings);
    if (result.table !== undefined) tables.push(result.table);
  }
  return { tables, findings };
}

/** References from and to the tables, and from and to what their triggers can write. */
function violationsAround(
  db: Connection,
  catalog: Catalog,
  { tables, triggers }: TableRestoreRequest,
): ViolationBaseline {
  const names = new Set(tables.map(foldName));
  const reached = triggers === "fire" ? reachOf(catalog, names) : names;
  const keys = foreignKeys(db, catalog);
  return readViolations(db, { catalog, foreignKeys: keys, violations: new Map() }, reached);
}

/** Rows that would be left without the row they refer to; and those that have it again. */
function referenceFindings(before: ViolationBaseline, after: ViolationBaseline): Finding[] {
  const lost = newViolations(before, after, new Map()).map(({ hint: _hint, ...finding }) =>
    Object.assign(finding, {
      hint: "Restore the tables that these rows refer to together with it, or the whole database to a new file and take the rows from there",
    }),
  );
  return [...lost, ...reconnected(before, after)];
}

function reconnected(before: ViolationBaseline, after: ViolationBaseline): Finding[] {
  return [...before].flatMap(([name, was]): Finding[] => {
    const now = after.get(name);
    if (now === undefined) return [];
    const gained = countOf(was) - countOf(now);
    if (gained <= 0) return [];
    const rows = gained === 1 ? "row" : "rows";
    const message = `${gained} ${rows} of ${now.table} refer to a row that is there again`;
    return [{ severity: "info", code: "references-restored", message, table: now.table }];
  });
}

const countOf = ({ byKey }: { readonly byKey: ReadonlyMap<string, { count: number }> }): number =>
  [...byKey.values()].reduce((sum, { count }) => sum + count, 0);
