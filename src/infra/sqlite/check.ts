import type { CheckResult } from "../../domain/engine/database-engine.ts";
import type { CheckLevel } from "../../domain/integrity/events.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { failureOf } from "../../domain/shared/errors.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { readSnapshot, type Connection } from "./connection.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { foldName } from "./sql/tokens.ts";
import type { Session } from "./session.ts";
import { engineError, sqliteCode } from "./sqlite-error.ts";

/** Messages of the engine beyond this many are not listed. */
const MOST_MESSAGES = 50;

/** Looks for damage. See `DatabaseEngine.check`. */
export async function check(session: Session, level: CheckLevel): Promise<CheckResult> {
  try {
    return await session.connections.using("checking", (db) =>
      readSnapshot(db, () => look(session, db, level)),
    );
  } catch (error) {
    throw engineError(error);
  }
}

function look(session: Session, db: Connection, level: CheckLevel): CheckResult {
  session.host.onProgress({ phase: "check", detail: "structure" });
  const catalog = readCatalog(db);
  const structure = structureFindings(db, catalog, level);
  session.host.onProgress({ phase: "check", detail: "foreign keys" });
  return {
    findings: [...structure, ...referenceFindings(db, catalog), ...identityFindings(session, db)],
    fingerprint: fingerprintOf(catalog),
    applied: appliedIfThere(db),
  };
}

function structureFindings(db: Connection, catalog: Catalog, level: CheckLevel): Finding[] {
  const pragma = level === "full" ? "integrity_check" : "quick_check";
  try {
    return db
      .prepare<[], string>(`PRAGMA main.${pragma}(${MOST_MESSAGES})`)
      .pluck()
      .all()
      .flatMap((text) => text.split("\n"))
      .filter((message) => message !== "ok" && message !== "")
      .map((message) => damage(message, tableIn(message, db, catalog)));
  } catch (error) {
    // The check itself stumbles over the damage.
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error))) throw error;
    return [damage(error instanceof Error ? error.message : String(error), undefined)];
  }
}

const damage = (message: string, table: string | undefined): Finding => ({
  severity: "error",
  code: "damaged",
  message,
  hint: "Keep a copy of the files, then restore the newest verified backup",
  ...(table === undefined ? {} : { table }),
});

/** The table that a message names: directly, by an index, or by the root page of its tree. */
function tableIn(message: string, db: Connection, catalog: Catalog): string | undefined {
  const page = /\bTree (\d+)\b/.exec(message)?.[1];
  if (page !== undefined)
    return db
      .prepare<[number], string>("SELECT tbl_name FROM main.sqlite_schema WHERE rootpage = ?")
      .pluck()
      .get(Number(page));
  const index = /\bindex (\S+)$/.exec(message)?.[1];
  if (index !== undefined)
    return db
      .prepare<[string], string>("SELECT tbl_name FROM main.sqlite_schema WHERE name = ?")
      .pluck()
      .get(index);
  const name =
    /(?:value in|constraint failed in|row \d+ of|in table) ([^\s.]+)/.exec(message)?.[1] ?? "";
  return catalog.tables.get(foldName(name))?.name;
}

/** One finding a table: rows whose parents are missing do harm, but nothing is damaged. */
function referenceFindings(db: Connection, catalog: Catalog): Finding[] {
  return [...catalog.tables.values()].flatMap(({ name, kind }) =>
    kind === "table" ? tableReferences(db, name) : [],
  );
}

function tableReferences(db: Connection, table: string): Finding[] {
  const hint = "Correct the rows by a migration; it cannot be told who left them behind";
  try {
    const count = Number(
      db.prepare("SELECT count(*) FROM pragma_foreign_key_check(?, 'main')").pluck().get(table),
    );
    if (count === 0) return [];
    const message = `${count} ${count === 1 ? "row" : "rows"} of ${table} refer to a row that does not exist`;
    return [{ severity: "warning", code: "foreign-key-violations", message, hint, table }];
  } catch (error) {
    if (sqliteCode(error) !== "SQLITE_ERROR") return [damage((error as Error).message, table)];
    const message = `Foreign keys of ${table} cannot be checked: ${(error as Error).message}`;
    const remedy = "The parent's columns need a primary key or a unique index";
    return [{ severity: "warning", code: "foreign-key-mismatch", message, hint: remedy, table }];
  }
}

function identityFindings(session: Session, db: Connection): Finding[] {
  try {
    requireIdentity(requireMeta(db), session.target);
    return [];
  } catch (error) {
    const { code, message, hint } = failureOf(error);
    return [{ severity: "error", code, message, ...(hint === undefined ? {} : { hint }) }];
  }
}

function appliedIfThere(db: Connection): string[] {
  const there = db
    .prepare("SELECT 1 FROM main.sqlite_schema WHERE name = 'schemaledger_marker'")
    .get();
  return there === undefined ? [] : appliedVersions(db);
}
