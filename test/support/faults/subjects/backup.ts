import { randomUUID } from "node:crypto";
import { cpSync, rmSync } from "node:fs";
import type { Subject } from "../subject.ts";
import { databaseFile, makeDatabase, readDatabase, type Identity } from "./managed.ts";
import { backUp, change, lostOf, makeBackups, startStore, type Known } from "./store.ts";

interface Setup {
  readonly identity: Identity;
  readonly earlier: readonly Known[];
  /** The backup that is taken: what is in it is known, for the content decides its digest. */
  readonly next: Pick<Known, "id" | "sha256">;
  readonly digest: string;
}

async function prepare(root: string, count: number): Promise<Setup> {
  const identity = await makeDatabase(root, "wal");
  const earlier = count === 0 ? [] : await makeBackups(root, identity, count);
  change(root, 5);
  const { digest } = readDatabase(databaseFile(root));
  // The same taken elsewhere tells what its digest will be.
  const elsewhere = `${root}.elsewhere`;
  cpSync(root, elsewhere, { recursive: true });
  await startStore(elsewhere);
  const sha256 = await backUp(elsewhere, identity, randomUUID(), null);
  rmSync(elsewhere, { recursive: true });
  return { identity, earlier, next: { id: randomUUID(), sha256 }, digest };
}

/**
 * A store with `earlier` backups, and one more: it is whole or not there, and there if it was said to
 * be; those before stay what they are.
 */
export const backup = (earlierBackups: number): Subject<Setup> => ({
  prepare: (root) => prepare(root, earlierBackups),
  async act(root, { identity, earlier, next }, promise) {
    // The very first start makes the directory.
    if (earlier.length === 0) await startStore(root);
    await backUp(root, identity, next.id, earlier.at(-1)?.id ?? null);
    promise("stored");
  },
  async inspect(root, { earlier, next, digest }, promised) {
    const store = await startStore(root);
    const isThere = (await store.list()).includes(next.id);
    const wrong = await lostOf(root, store, isThere ? [...earlier, next] : earlier);
    if (promised.length > 0 && !isThere) wrong.push("the backup was acknowledged and is lost");
    if (readDatabase(databaseFile(root)).digest !== digest) wrong.push("the database changed");
    return wrong;
  },
  async goOn(root, { identity, earlier }) {
    const store = await startStore(root);
    // What is left of the one before, if it is not there, goes.
    await store.sweep();
    const id = randomUUID();
    const sha256 = await backUp(root, identity, id, earlier.at(-1)?.id ?? null);
    return lostOf(root, store, [...earlier, { id, sha256 }]);
  },
});
