import Database from "better-sqlite3";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../support/chaos/api.ts";
import { startService } from "../support/service-process.ts";

/*
 * Lists, plans, prunes and restores one database with many backups, against the same with few.
 * Usage: node dist/test/bench/many-backups.js [backups] (default 1000).
 */
const MANY = Number(process.argv[2] ?? 1000);
const FEW = 20;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
mkdirSync(join(directory, "db"));
const file = join(directory, "db", "shop.db");
const setUp = new Database(file);
setUp.pragma("journal_mode = WAL");
setUp.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  INSERT INTO t SELECT i, randomblob(1000) FROM n`);
setUp.close();
const service = await startService(join(directory, "data"), join(directory, "db"));
const api = new Api(service.url, service.token);

interface Item {
  readonly id: string;
  readonly status: string;
}

async function backUp(n: number): Promise<void> {
  const db = new Database(file);
  db.prepare("UPDATE t SET b = randomblob(1000) WHERE id = ?").run(1 + (n % 2000));
  db.close();
  const { id } = await api.need(api.post<Item>("/v1/databases/shop/backups"));
  for (;;) {
    const { status } = await api.need(api.get<Item>(`/v1/backups/${id}`));
    if (status === "verified") return;
    if (status === "failed") throw new Error("A backup failed");
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

const list = () => api.need(api.get("/v1/databases/shop/backups?limit=100"));
const verified = () =>
  api.need(api.get("/v1/databases/shop/backups?limit=100&status=verified&kind=full"));
const sums = () => api.need(api.get("/v1/backup-metrics?database=shop"));
const plan = () => api.need(api.post("/v1/databases/shop/prunes", { dryRun: true }));

async function operation(path: string, body: object, place: string): Promise<void> {
  const { id } = await api.need(api.post<Item>(path, body as never));
  const { status } = await api.need(api.get<Item>(`/v1/${place}/${id}?wait=60`));
  if (status !== "succeeded") throw new Error(`${place}: ${status}`);
}

const restore = () =>
  operation(
    "/v1/databases/shop/restores",
    { at: new Date().toISOString(), reason: "bench" },
    "restores",
  );

const measure = async (): Promise<number[]> => [
  await median(list),
  await median(verified),
  await median(sums),
  await median(plan),
  await timed(restore),
];

await api.need(api.post("/v1/databases", { name: "shop", engine: "sqlite", url: file } as never));
await api.need(api.patch("/v1/databases/shop/policy", { retention: { keepLast: 10 } }));
for (let n = 0; n < FEW; n++) await backUp(n);
const few = await measure();
const took = await timed(async () => {
  for (let n = FEW; n < MANY; n++) await backUp(n);
});
const many = await measure();
const pruned = await timed(() =>
  operation("/v1/databases/shop/prunes", { reason: "bench" }, "prunes"),
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
await service.stop();
rmSync(directory, { recursive: true });
