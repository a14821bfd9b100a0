import { link, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ExportRequest } from "../../domain/engine/database-engine.ts";
import { Conflict, Unavailable } from "../../domain/shared/errors.ts";
import { copyHashed, fileId, fsyncPath, hashFile, requireSpace, sizeOf } from "./files.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/** Where the file grows before it appears under its name. */
const growing = ({ target, restoreId }: ExportRequest): string =>
  join(dirname(target), `.${basename(target)}.${restoreId}`);

/** A new file with the backup's bytes. See `DatabaseEngine.exportCopy`. */
export async function exportCopy(session: Session, request: ExportRequest): Promise<void> {
  const { scratchPath, target, sha256 } = request;
  const part = growing(request);
  try {
    requireFree(target);
    const bytes = await sizeOf(scratchPath);
    await requireSpace(target, bytes);
    const copied = await copyHashed(scratchPath, part, (done) =>
      session.host.onProgress({ phase: "restore", fraction: bytes === 0 ? 1 : done / bytes }),
    );
    if (copied.sha256 !== sha256)
      throw new Unavailable("restore-differs", "What was written differs from the backup", {
        hint: "Check the disk, then restore again",
      });
    await session.faults("export-before-publish");
    await publish(part, target);
    await session.faults("export-after-publish");
    await rm(part);
  } catch (error) {
    await rm(part, { force: true });
    throw engineError(error);
  }
}

/** A link, unlike a rename, never takes the place of a file that came meanwhile. */
async function publish(part: string, target: string): Promise<void> {
  await link(part, target).catch((error: unknown) => {
    requireFree(target);
    throw error;
  });
  await fsyncPath(dirname(target));
}

function requireFree(target: string): void {
  for (const suffix of ["", "-wal", "-journal"])
    if (fileId(target + suffix) !== undefined)
      throw new Conflict("target-exists", `There is already something at ${target}${suffix}`, {
        hint: "Name a file that does not exist; nothing is ever overwritten by an export",
      });
}

/** See `DatabaseEngine.settleExport`. */
export async function settleExport(request: ExportRequest): Promise<boolean> {
  const { target, sha256 } = request;
  await rm(growing(request), { force: true });
  if (fileId(target) === undefined) return false;
  return (await hashFile(target)).sha256 === sha256;
}
