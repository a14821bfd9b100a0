import Database from "better-sqlite3";
import { NotFound } from "../../domain/shared/errors.ts";
import { existsSync } from "node:fs";
import { copyOnline } from "../../infra/sqlite/online-copy.ts";
import { engineError } from "../../infra/sqlite/sqlite-error.ts";
import { deadlineIn } from "../../infra/sqlite/waiting.ts";

const WAIT_MS = 30_000;

/** A copy of one moment of a database, also under writers. The database is only read. */
export async function copyOf(database: string, destination: string): Promise<void> {
  if (!existsSync(database))
    throw new NotFound("database-missing", `There is no file ${database}`, {
      hint: "Name a database file, or a registered database",
    });
  let source: Database.Database | undefined;
  try {
    source = new Database(database, { fileMustExist: true });
    source.pragma("query_only = ON");
    await copyOnline({
      source,
      destination,
      deadline: deadlineIn(WAIT_MS),
      busyCode: "database-locked",
    });
  } catch (error) {
    throw engineError(error);
  } finally {
    source?.close();
  }
}
