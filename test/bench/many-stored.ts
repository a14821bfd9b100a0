import { randomBytes, randomUUID } from "node:crypto";
import { TemporaryStore } from "../support/temporary-store.ts";
import { median, timed } from "./support.ts";

/*
 * A store with many backups of one database, without a service: each 2 MiB with a page in ten changed.
 * What listing, a survey, a sweep and a restore take, against a store with few.
 * node dist/test/bench/many-stored.js [backups] (default 1000)
 */
const MANY = Number(process.argv[2] ?? 1000);
const FEW = 20;
const PAGE = 4096;
const PAGES = 512;

const place = await TemporaryStore.create({ current: "5c".repeat(32), all: [] });
const ids: string[] = [];
const content = randomBytes(PAGES * PAGE);

async function backUpTo(count: number): Promise<void> {
  while (ids.length < count) {
    for (let n = 0; n < PAGES / 10; n += 1)
      randomBytes(PAGE).copy(content, ((ids.length * 37 + n * 10) % PAGES) * PAGE);
    const id = randomUUID();
    await place.backUp(id, { "snapshot.sqlite": content }, ids.at(-1) ?? null);
    ids.push(id);
  }
}

const times = async (work: () => Promise<unknown>): Promise<number> => {
  const all: number[] = [];
  for (let n = 0; n < 5; n += 1) all.push(await timed(work));
  return median(all);
};

const measure = async (): Promise<number[]> => {
  const store = await place.open();
  return [
    await times(() => store.list()),
    await times(() => store.manifest(ids.at(-1)!)),
    await times(() => place.restore(ids.at(-1)!)),
    await times(() => place.restore(ids[0]!)),
    await times(() => store.survey()),
  ];
};

await backUpTo(FEW);
const few = await measure();
const took = await timed(() => backUpTo(MANY));
const many = await measure();
const store = await place.open();
const kept = new Set(ids.slice(-10));
const removed = await timed(async () => {
  for (const id of ids) if (!kept.has(id)) await store.remove(id);
});
const swept = await timed(() => store.sweep());
const after = await times(() => place.restore(ids.at(-1)!));
await place.dispose();

const names = ["list", "read a manifest", "restore newest", "restore oldest", "survey"];
console.log(
  `${FEW} and ${MANY} backups of 2 MiB; one more takes ${(took / (MANY - FEW)).toFixed(1)} ms`,
);
console.log("operation       | few, ms | many, ms");
for (const [i, name] of names.entries())
  console.log(
    `${name.padEnd(15)} | ${few[i]!.toFixed(1).padStart(7)} | ${many[i]!.toFixed(1).padStart(8)}`,
  );
console.log(
  `${MANY - 10} removed: ${(removed / (MANY - 10)).toFixed(2)} ms each; the sweep ${swept.toFixed(0)} ms; then restore newest ${after.toFixed(1)} ms`,
);
