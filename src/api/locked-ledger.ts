import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InvalidInput } from "../domain/shared/errors.ts";
import { acquireDirectoryLock } from "../infra/files/directory-lock.ts";
import { Keyring } from "../infra/signing/keyring.ts";
import { NodeDigest } from "../infra/signing/node-digest.ts";

/** Does something with a data directory that no service works on. */
export async function lockedLedger<T>(
  data: string,
  who: string,
  work: (keyring: Keyring) => Promise<T>,
): Promise<T> {
  const keys = join(data, "keys");
  if (!existsSync(join(keys, "origin")))
    throw new InvalidInput("nothing-to-continue", `There is no ledger in ${data}`, {
      hint: "Name its data directory with --data",
    });
  const lock = await acquireDirectoryLock(data, who, new Date().toISOString());
  try {
    const origin = (await readFile(join(keys, "origin"), "utf8")).trim();
    return await work(await Keyring.open(keys, origin, new NodeDigest()));
  } finally {
    await lock.release();
  }
}
