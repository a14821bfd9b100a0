import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceEvents } from "../domain/service/events.ts";
import { Conflict, InvalidInput } from "../domain/shared/errors.ts";
import { fsyncDirectory, makeDirectory, writeFileAtomic } from "../infra/files/atomic-write.ts";

/** What a new ledger says first, when it takes the place of a lost one. */
export type Continuation = ServiceEvents["LedgerContinued"];

const FILE = "continues.json";
/** Everything that is of the old ledger alone. Backups stay: they can still be restored. */
const MOVED =
  /^(ledger\.db.*|checkpoint|projection\.db.*|tiles|keys\/origin|keys\/signing.*\.pem)$/;

/** What the ledger of a data directory continues; undefined for most. */
export async function continuationOf(data: string): Promise<Continuation | undefined> {
  const file = join(data, FILE);
  if (!existsSync(file)) return undefined;
  return JSON.parse(await readFile(file, "utf8")) as Continuation;
}

/**
 * Puts the ledger of a data directory aside, so that the next start opens a new one, with a new
 * origin and key, whose first event names the old one and its last known checkpoint. Nothing is
 * removed. A crash half-way is finished by doing it again. Gives where the old files are. Errors:
 * InvalidInput nothing-to-continue · Conflict continued-already.
 */
export async function putAside(data: string, continuation: Continuation): Promise<string> {
  const aside = join(data, `superseded-${continuation.previousOrigin.replaceAll(/[^\w.-]/g, "-")}`);
  const known = await continuationOf(data);
  if (known !== undefined && known.previousOrigin !== continuation.previousOrigin)
    throw new Conflict(
      "continued-already",
      `The ledger here continues ${known.previousOrigin} already`,
      { hint: `Move ${join(data, FILE)} to its superseded directory first` },
    );
  await writeFileAtomic(join(data, FILE), `${JSON.stringify(continuation, null, 2)}\n`);
  await makeDirectory(join(aside, "keys"));
  for (const name of await namesIn(data)) {
    if (!MOVED.test(name)) continue;
    await rename(join(data, name), join(aside, name));
  }
  for (const directory of [data, join(data, "keys"), aside, join(aside, "keys")])
    await fsyncDirectory(directory);
  return aside;
}

/** The origin of a data directory. Error: InvalidInput nothing-to-continue. */
export async function originOf(data: string): Promise<string> {
  const known = await continuationOf(data);
  const file = join(data, "keys", "origin");
  if (existsSync(file)) return (await readFile(file, "utf8")).trim();
  if (known !== undefined) return known.previousOrigin;
  throw new InvalidInput("nothing-to-continue", `There is no ledger in ${data}`, {
    hint: "Name its data directory with --data",
  });
}

async function namesIn(data: string): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(data);
  const keys = await readdir(join(data, "keys"));
  return [...names, ...keys.map((name) => `keys/${name}`)];
}
