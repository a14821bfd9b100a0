import type { Subject } from "../subject.ts";
import { makeDatabase, type Identity } from "./managed.ts";
import { lostOf, makeBackups, openStore, startStore, type Known } from "./store.ts";

interface Setup {
  readonly identity: Identity;
  readonly kept: readonly Known[];
  readonly removed: readonly Known[];
}

/** Two of five backups go: each is whole or gone, gone if it was said to be; the others are whole. */
export const prune: Subject<Setup> = {
  async prepare(root) {
    const identity = await makeDatabase(root, "wal");
    const all = await makeBackups(root, identity, 5);
    return { identity, removed: [all[0]!, all[2]!], kept: [all[1]!, all[3]!, all[4]!] };
  },
  async act(root, { removed }, promise) {
    const store = openStore(root);
    for (const { id } of removed) {
      await store.remove(id);
      promise(id);
    }
    await store.sweep();
    promise("swept");
  },
  async inspect(root, { kept, removed }, promised) {
    const store = await startStore(root);
    const there = new Set(await store.list());
    const wrong = await lostOf(root, store, [
      ...kept,
      ...removed.filter(({ id }) => there.has(id)),
    ]);
    for (const id of promised)
      if (there.has(id)) wrong.push(`backup ${id} was said to be gone and is there`);
    return wrong;
  },
  async goOn(root, { kept, removed }) {
    const store = await startStore(root);
    for (const { id } of removed) await store.remove(id);
    await store.sweep();
    const { unneeded, backups } = await store.survey();
    const wrong = await lostOf(root, store, kept);
    if (unneeded.objects > 0 || backups !== kept.length) wrong.push("something is left over");
    return wrong;
  },
};
