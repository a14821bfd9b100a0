import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { Inspection, LiveSchema, MarkedSchema } from "../../domain/engine/database-engine.ts";
import { Unavailable, failureOf } from "../../domain/shared/errors.ts";
import { beginImmediate, commit, readSnapshot, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { fileId } from "./files.ts";
import { liveSchema } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { createOwnTables, readMeta, requireIdentity, requireMeta } from "./meta.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";
import { deadlineIn } from "./waiting.ts";

/** How long an application may keep a registration from getting the lock. */
const INSTALL_WAIT_MS = 10_000;

/** Looks without writing. See `DatabaseEngine.inspect`. */
export async function inspect(session: Session): Promise<Inspection> {
  const { url } = session.target;
  const id = fileId(url);
  const known = id === undefined ? { exists: false } : { exists: true, fileId: id };
  try {
    const found = await withDatabase(url, "checking", (db) => readSnapshot(db, () => look(db)));
    const problem = await unwritable(url);
    return { ...known, ...(problem === undefined ? {} : { problem }), ...found };
  } catch (error) {
    return { ...known, problem: failureOf(engineError(error)) };
  }
}

function look(db: Connection): Omit<Inspection, "exists"> {
  db.pragma("query_only = ON");
  const verdict = String(db.pragma("quick_check(1)", { simple: true }));
  const damaged = new Unavailable("database-damaged", `The database is damaged: ${verdict}`, {
    hint: "Restore it from a copy before it is registered",
  });
  const live = liveSchema(db);
  const meta = readMeta(db);
  return {
    live,
    ...(meta === undefined ? {} : { meta }),
    ...(verdict === "ok" ? {} : { problem: failureOf(damaged) }),
  };
}

/** The directory counts as well: journal and WAL are created there. */
async function unwritable(url: string): Promise<Inspection["problem"]> {
  for (const path of [url, dirname(url)])
    try {
      await access(path, constants.R_OK | constants.W_OK);
    } catch {
      return failureOf(
        new Unavailable("database-read-only", `${path} cannot be written`, {
          hint: "Give the service write permission to the file and to its directory",
        }),
      );
    }
  return undefined;
}

/** Creates the product's own tables. See `DatabaseEngine.install`. */
export async function install(session: Session, fence: number): Promise<LiveSchema> {
  const { db } = await session.connections.step();
  try {
    await beginImmediate(db, deadlineIn(INSTALL_WAIT_MS));
    const meta = readMeta(db);
    if (meta === undefined) createOwnTables(db, session.target, fence);
    else requireIdentity(meta, session.target);
    const live = liveSchema(db);
    await commit(db, deadlineIn(INSTALL_WAIT_MS));
    await session.faults("install-done");
    return live;
  } catch (error) {
    session.connections.discard();
    throw engineError(error);
  }
}

/** The live schema of the database that the ledger means. See `DatabaseEngine.schema`. */
export async function readSchema(session: Session): Promise<MarkedSchema> {
  const { db } = await session.connections.step();
  try {
    return await readSnapshot(db, () => {
      requireIdentity(requireMeta(db), session.target);
      return { ...liveSchema(db), applied: appliedVersions(db) };
    });
  } catch (error) {
    throw engineError(error);
  }
}
