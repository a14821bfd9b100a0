import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RestClient } from "../../src/cli/demo/rest-client.ts";
import { LARGE_STEPS, makeLarge } from "./large-database.ts";
import { percentile, withService } from "./support.ts";

// p99 of GET /v1/audit/events while a database is being migrated, against the p99 when idle, and
// how long a cancelled statement keeps the database's lock.
// node dist/test/bench/responsiveness.js [seconds] [rows]
// Without rows: an endless query on a small file, cancelled in the end. With rows: a table of so many
// (10,000,000 make about 1 GiB) is rebuilt, everything on, measured from the request to the end.

const SECONDS = Number(process.argv[2] ?? 10);
const ROWS = Number(process.argv[3] ?? 0);
const ENDLESS =
  "CREATE TABLE t AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 1000000007 = 0;";

/** Milliseconds of each request until `isOver`. */
async function latencies(client: RestClient, isOver: () => boolean): Promise<number[]> {
  const found: number[] = [];
  while (!isOver()) {
    const began = performance.now();
    await client.text("/v1/audit/events?limit=100");
    found.push(performance.now() - began);
    await delay(5);
  }
  return found;
}

function inSeconds(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() > end;
}

async function registered(client: RestClient, file: string, up: string): Promise<void> {
  const database = { name: "busy", engine: "sqlite", url: file, create: ROWS === 0 };
  await client.post("/v1/databases", database);
  await client.post("/v1/databases/busy/migrations", {
    migrations: [{ version: "1", name: "work", up }],
  });
  await latencies(client, inSeconds(1));
}

function tell(idle: readonly number[], busy: readonly number[]): void {
  for (const share of [0.5, 0.99]) {
    const [a, b] = [percentile(idle, share), percentile(busy, share)];
    console.log(
      `p${share * 100} idle ${a.toFixed(1)} ms, while migrating ${b.toFixed(1)} ms: ${(b / a).toFixed(2)} x ` +
        `(${idle.length} and ${busy.length} requests)`,
    );
  }
}

async function whileEndless(client: RestClient): Promise<number[]> {
  const { id } = await client.post("/v1/databases/busy/runs", { rehearse: false });
  await client.until(`/v1/runs/${String(id)}`, ({ status }) => status === "running");
  const busy = await latencies(client, inSeconds(SECONDS));
  const began = performance.now();
  const run = await client.post(`/v1/runs/${String(id)}/cancel`, { reason: "measured" });
  console.log(
    `cancel answered ${String(run["status"])} after ${(performance.now() - began).toFixed(0)} ms, recovery included`,
  );
  return busy;
}

async function whileRebuilding(client: RestClient): Promise<number[]> {
  const began = performance.now();
  const { id } = await client.post("/v1/databases/busy/runs", {});
  let ended = false;
  const run = client
    .until(`/v1/runs/${String(id)}?wait=60`, ({ endedAt }) => endedAt !== null)
    .finally(() => (ended = true));
  const busy = await latencies(client, () => ended);
  const { status } = await run;
  console.log(
    `the run ${String(status)} after ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  return busy;
}

await withService(async ({ client }, directory) => {
  const file = join(directory, "busy.db");
  if (ROWS > 0) {
    makeLarge(file, ROWS);
    console.log(`${ROWS} rows, ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB`);
  }
  await registered(client, file, ROWS > 0 ? LARGE_STEPS.rebuild : ENDLESS);
  const idle = await latencies(client, inSeconds(SECONDS));
  tell(idle, await (ROWS > 0 ? whileRebuilding : whileEndless)(client));
});
