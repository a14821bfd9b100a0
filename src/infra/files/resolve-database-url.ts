import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { resolveUnderRoots } from "./allowed-roots.ts";
import { fsyncDirectory } from "./atomic-write.ts";

/**
 * The real path of the SQLite database that `url` means, under one of the roots and outside the
 * forbidden directories. With `create` an empty database is made where none is. Rejects as
 * `resolveUnderRoots`.
 */
export async function resolveDatabaseUrl(
  url: string,
  roots: readonly string[],
  forbidden: readonly string[],
  create: boolean,
): Promise<string> {
  const path = await resolveUnderRoots(url, roots, { mustExist: !create, forbidden });
  if (create) await createIfMissing(path);
  return path;
}

/** An empty file is an empty SQLite database. */
async function createIfMissing(path: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.close();
    await fsyncDirectory(dirname(path));
  } catch (error) {
    // It is there already: nothing to create, and its content is looked at next.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}
