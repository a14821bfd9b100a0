import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = /^schemaledger-scratch-(\d+)-\w+$/;

/** In the process ids of another container a process that lives may not be seen. */
const AN_HOUR_MS = 3600_000;

/**
 * Runs `use` with a directory for scratch databases that only this user can read, which is gone afterwards. What
 * processes that were killed have left is removed, too.
 */
export async function withScratchDirectory<T>(
  use: (directory: string) => Promise<T>,
  place = tmpdir(),
): Promise<T> {
  const directory = await mkdtemp(join(place, `schemaledger-scratch-${process.pid}-`));
  try {
    await removeLeft(place);
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function removeLeft(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || lives(Number(pid))) continue;
    const path = join(place, name);
    const found = await stat(path).catch(() => undefined);
    const isOurs = found?.isDirectory() === true && found.uid === (process.getuid?.() ?? found.uid);
    if (isOurs && Date.now() - found.mtimeMs > AN_HOUR_MS)
      await rm(path, { recursive: true, force: true });
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
