import Database from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Api } from "../support/chaos/api.ts";
import { withServiceHere } from "../support/service-here.ts";
import { startService } from "../support/service-process.ts";

/*
 * Lists, plans, prunes and restores one database with many backups, against the same with few.
 * Usage: node dist/test/bench/many-backups.js [backups] (default 1000).
 */
const MANY = Number(process.argv[2] ?? 1000);
const FEW = 20;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "shop.db");
const setUp = new Database(file);
setUp.pragma("journal_mode = WAL");
setUp.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  INSERT INTO t SELECT i, randomblob(1000) FROM n`);
setUp.close();

interface Item {
  readonly id: string;
  readonly status: string;
}

/** Through a service in this process: a thousand executors would take most of the time to start. */
const backUpAll = (from: number, to: number): Promise<void> =>
  withServiceHere(directory, async (api) => {
    for (let n = from; n < to; n++) await backUp(api, n);
  });

async function backUp(api: Api, n: number): Promise<void> {
  const db = new Database(file);
  db.prepare("UPDATE t SET b = randomblob(1000) WHERE id = ?").run(1 + (n % 2000));
  db.close();
  const { id } = await api.need(api.post<Item>("/v1/databases/shop/backups"));
  for (;;) {
    const { status } = await api.need(api.get<Item>(`/v1/backups/${id}`));
    if (status === "verified") return;
    if (status === "failed") throw new Error("A backup failed");
    await delay(5);
  }
}

async function median(work: () => Promise<unknown>, times = 9): Promise<number> {
  const all: number[] = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    await work();
    all.push(performance.now() - began);
  }
  return all.toSorted((a, b) => a - b)[Math.floor(times / 2)]!;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function operation(api: Api, path: string, body: object, place: string): Promise<void> {
  const { id } = await api.need(api.post<Item>(path, body as never));
  const { status } = await api.need(api.get<Item>(`/v1/${place}/${id}?wait=60`));
  if (status !== "succeeded") throw new Error(`${place}: ${status}`);
}

/** Uses a service that is a process of its own. */
async function withService<T>(use: (api: Api) => Promise<T>): Promise<T> {
  const service = await startService(join(directory, "data"), directory);
  try {
    return await use(new Api(service.url, service.token));
  } finally {
    await service.stop();
  }
}

const base = "/v1/databases/shop";

const measure = (): Promise<number[]> =>
  withService(async (api) => [
    await median(() => api.need(api.get(`${base}/backups?limit=100`))),
    await median(() => api.need(api.get(`${base}/backups?limit=100&status=verified&kind=full`))),
    await median(() => api.need(api.get("/v1/backup-metrics?database=shop"))),
    await median(() => api.need(api.post(`${base}/prunes`, { dryRun: true }))),
    await timed(() =>
      operation(
        api,
        `${base}/restores`,
        { at: new Date().toISOString(), reason: "bench" },
        "restores",
      ),
    ),
  ]);

await withServiceHere(directory, async (api) => {
  await api.need(api.post("/v1/databases", { name: "shop", engine: "sqlite", url: file }));
  await api.need(api.patch(`${base}/policy`, { retention: { keepLast: 10 } }));
});
await backUpAll(0, FEW);
const few = await measure();
const took = await timed(() => backUpAll(FEW, MANY));
const many = await measure();
const pruned = await withService((api) =>
  timed(() => operation(api, `${base}/prunes`, { reason: "bench" }, "prunes")),
);
const names = ["list 100", "list 100 verified full", "sums", "plan of a prune", "restore newest"];
console.log(
  `${FEW} and ${MANY} backups of 2 MiB; one more backup takes ${(took / (MANY - FEW)).toFixed(0)} ms`,
);
console.log("operation               | few, ms | many, ms | ratio");
for (const [i, name] of names.entries())
  console.log(
    `${name.padEnd(23)} | ${few[i]!.toFixed(1).padStart(7)} | ${many[i]!.toFixed(1).padStart(8)} | ${(many[i]! / few[i]!).toFixed(2)}`,
  );
console.log(
  `prune ${MANY - 10}: ${(pruned / 1000).toFixed(1)} s, ${(pruned / (MANY - 10)).toFixed(1)} ms each`,
);
rmSync(directory, { recursive: true });
