import type { FileMigration } from "../../domain/migration/migration-source.ts";
import type { TransactionMode } from "../../domain/database/events.ts";
import { prepareScript } from "../sqlite/sql/script.ts";

/** Only these ever need to be outside: looking for the words is cheaper than reading the script. */
const OUTSIDE = /\b(?:vacuum|journal_mode|page_size|auto_vacuum)\b/i;

/** What PostgreSQL refuses in a transaction, or takes there only half, and what SQLite does not have. */
const OUTSIDE_POSTGRES =
  /\b(?:(?:create\s+(?:unique\s+)?|drop\s+)index|reindex|detach)\b[^;]*\bconcurrently\b|\balter\s+type\b[^;]*\badd\s+value\b|\breindex\s+(?:database|schema|system)\b|\b(?:create|drop)\s+(?:database|tablespace|subscription)\b|\balter\s+system\b|\bvacuum\s*(?:\(|full|analyze|verbose|freeze|"|[a-z_])/i;

const COMMENTS = /--.*$|\/\*[^]*?\*\//gm;

/** What another tool's file says of its transaction, in that tool's words; undefined: nothing. */
export type OptOut = string | undefined;

/**
 * Another tool's "no transaction" mostly is there so that PRAGMA foreign_keys acts, which steps do not
 * need. Whatever can run inside a transaction does; what cannot runs outside, declared or not.
 */
export function withTransaction(migration: FileMigration, optOut: OptOut): FileMigration {
  if (migration.transaction !== undefined || migration.language !== undefined) return migration;
  const { up } = migration;
  if (optOut !== undefined && OUTSIDE_POSTGRES.test(up.replaceAll(COMMENTS, "")))
    return noted({ ...migration, transaction: "none" }, `Runs outside of a transaction: ${optOut}`);
  if (optOut === undefined && !OUTSIDE.test(up)) return migration;
  if (runs(up, "required"))
    return optOut === undefined
      ? migration
      : noted(migration, `${optOut} is not needed: all of it runs in the step's transaction`);
  if (runs(up, "none"))
    return noted(
      { ...migration, transaction: "none" },
      optOut === undefined
        ? "Runs outside of a transaction, because it cannot run in one"
        : `Runs outside of a transaction: ${optOut}`,
    );
  // What stands in the way is told when it is registered, statement by statement.
  return migration;
}

const runs = (sql: string, mode: TransactionMode): boolean =>
  prepareScript(sql, mode).findings.every(({ severity }) => severity !== "error");

/** The migration with one more thing to tell about it. */
export const noted = (migration: FileMigration, ...notes: readonly string[]): FileMigration =>
  notes.length === 0 ? migration : { ...migration, notes: [...(migration.notes ?? []), ...notes] };
