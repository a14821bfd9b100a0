import { join } from "node:path";
import Sqlite from "better-sqlite3";
import type { StoryMigration } from "./story.ts";

/** What the ordinary way does to the measurements. */
export interface Loss {
  readonly before: number;
  readonly after: number;
  readonly foreignKeys: string;
  readonly integrity: string;
}

/**
 * Runs the migrations as most tools do (one transaction each, nothing checked that SQLite does not
 * check) on a database of their own, and counts what the last one leaves.
 */
export async function loseRows(
  directory: string,
  before: readonly StoryMigration[],
  last: StoryMigration,
): Promise<Loss> {
  const database = new Sqlite(join(directory, "ordinary-way.db"));
  try {
    for (const { up } of before) database.transaction(() => database.exec(up))();
    const count = database.prepare("SELECT count(*) FROM completion_metrics").pluck();
    const rows = Number(count.get());
    database.transaction(() => database.exec(last.up))();
    const violations = database.pragma("foreign_key_check") as unknown[];
    return {
      before: rows,
      after: Number(count.get()),
      foreignKeys: `${violations.length} violations`,
      integrity: String(database.pragma("integrity_check", { simple: true })),
    };
  } finally {
    database.close();
  }
}
