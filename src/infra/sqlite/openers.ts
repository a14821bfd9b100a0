import { readdir, readlink } from "node:fs/promises";

/** Who has a file open, as far as the operating system lets us see. */
export interface Openers {
  readonly pids: readonly string[];
  /** Processes of other users: what they have open cannot be seen. */
  readonly unseen: number;
}

/** Processes that have the file, or one of its side files, open; without the one of id `own`. */
export async function openersOf(path: string, own?: number): Promise<Openers> {
  const wanted = new Set(["", "-wal", "-shm", "-journal"].map((suffix) => path + suffix));
  const pids: string[] = [];
  let unseen = 0;
  for (const pid of (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    if (pid === String(own)) continue;
    const files = await readdir(`/proc/${pid}/fd`).catch((error: unknown) => {
      // Those that end meanwhile have nothing open any more.
      if (error instanceof Error && "code" in error && error.code === "EACCES") unseen += 1;
      return [];
    });
    const targets = await Promise.all(
      files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")),
    );
    if (targets.some((target) => wanted.has(target))) pids.push(pid);
  }
  return { pids, unseen };
}
