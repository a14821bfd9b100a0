import { closeSync, openSync } from "node:fs";
import { openDatabase } from "./connection.ts";
import { appliedVersions } from "./markers.ts";
import { readMeta } from "./meta.ts";
import { copyOnline } from "./online-copy.ts";
import { deadlineIn } from "./waiting.ts";

const PATIENCE_MS = 30_000;

/**
 * Copies a database, of one moment, also under writers, into a new file to work on. Answers the versions that its
 * own markers say are applied; none if it is not managed. Rejects as `openDatabase`, or with `database-locked`.
 */
export async function workingCopy(source: string, destination: string): Promise<readonly string[]> {
  const db = await openDatabase(source, "checking");
  try {
    closeSync(openSync(destination, "wx", 0o600));
    let applied: readonly string[] = [];
    await copyOnline({
      source: db,
      destination,
      deadline: deadlineIn(PATIENCE_MS),
      busyCode: "database-locked",
      alongside: () => {
        applied = readMeta(db) === undefined ? [] : appliedVersions(db);
      },
    });
    return applied;
  } finally {
    db.close();
  }
}
