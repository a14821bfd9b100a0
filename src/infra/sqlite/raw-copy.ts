import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RawCopy } from "../../domain/engine/database-engine.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { copyHashed, fileId, fsyncPath, requireSpace, sizeOf } from "./files.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/**
 * Copies the database's files as bytes. See `DatabaseEngine.rawCopy`. The session's connections are
 * closed first: reading the files beside an open connection would drop its locks.
 */
export async function rawCopy(session: Session, path: string): Promise<RawCopy> {
  const { url } = session.target;
  session.connections.closeAll();
  session.snapshot = undefined;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const present: string[] = [];
    let bytes = 0;
    for (const suffix of ["", "-wal", "-journal", "-shm"]) {
      if (fileId(url + suffix) === undefined) continue;
      present.push(url + suffix);
      bytes += await sizeOf(url + suffix);
    }
    if (present[0] !== url)
      throw new Unavailable("database-missing", `There is no file at ${url}`, {
        hint: "Restore a verified backup",
      });
    await requireSpace(join(path, "copy"), bytes);
    let sha256 = "";
    for (const file of present) {
      const digest = await copyHashed(file, join(path, basename(file)));
      if (file === url) ({ sha256 } = digest);
    }
    await fsyncPath(path);
    return { bytes, sha256, files: present.map((file) => basename(file)) };
  } catch (error) {
    throw engineError(error);
  }
}
