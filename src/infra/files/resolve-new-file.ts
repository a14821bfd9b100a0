import { lstat } from "node:fs/promises";
import { Conflict } from "../../domain/shared/errors.ts";
import { resolveUnderRoots } from "./allowed-roots.ts";

/**
 * The real path of a file that is to be made, under one of the roots and outside the forbidden
 * directories. Rejects as `resolveUnderRoots`, and `Conflict` target-exists.
 */
export async function resolveNewFile(
  target: string,
  roots: readonly string[],
  forbidden: readonly string[],
): Promise<string> {
  const path = await resolveUnderRoots(target, roots, { mustExist: false, forbidden });
  const isThere = await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    },
  );
  if (isThere)
    throw new Conflict("target-exists", `There is already something at ${path}`, {
      hint: "Name a file that does not exist; nothing is ever overwritten by an export",
    });
  return path;
}
