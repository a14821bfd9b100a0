import { chmod, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fsyncDirectory } from "../files/atomic-write.ts";

/** Only the service's user may look in. */
export async function restrict(directory: string): Promise<void> {
  await chmod(directory, 0o700);
}

/**
 * Makes everything in the directory durable and readable by its owner alone (directories 0700,
 * files 0600). Answers the bytes of its files. Rejects for what is neither file nor directory.
 */
export async function seal(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      bytes += await seal(path);
    } else if (entry.isFile()) {
      bytes += await sealFile(path);
    } else {
      throw new Error(`Neither file nor directory: ${entry.name}`);
    }
  }
  await restrict(directory);
  await fsyncDirectory(directory);
  return bytes;
}

async function sealFile(path: string): Promise<number> {
  const file = await open(path, "r");
  try {
    await file.chmod(0o600);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}
