import { basename } from "node:path";
import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { RawCopy } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { storeFiles, type FileToStore } from "../page-store/store-access.ts";
import { fileId, sizeOf } from "./files.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/**
 * Stores the database's files as bytes. See `DatabaseEngine.rawCopy`. The session's connections are
 * closed first: reading the files beside an open connection would drop its locks.
 */
export async function rawCopy(session: Session, access: StoreAccess): Promise<RawCopy> {
  const { url } = session.target;
  session.connections.closeAll();
  session.snapshot = undefined;
  try {
    const present: FileToStore[] = [];
    for (const suffix of ["", "-wal", "-journal", "-shm"]) {
      const path = url + suffix;
      if (fileId(path) === undefined) continue;
      present.push({ name: basename(path), path, bytes: await sizeOf(path), withoutWal: false });
    }
    if (present[0]?.path !== url)
      throw new Unavailable("database-missing", `There is no file at ${url}`, {
        hint: "Restore a verified backup",
      });
    const content = await storeFiles(access, present, (fraction) =>
      session.host.onProgress({ phase: "backup", fraction }),
    );
    return { content };
  } catch (error) {
    throw engineError(error);
  }
}
