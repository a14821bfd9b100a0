import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { RestClient } from "../../src/cli/demo/rest-client.ts";
import { percentile, withService } from "./support.ts";

// p99 of GET /v1/audit/events while a database is being migrated, against the p99 when idle, and
// how long a cancelled statement keeps the database's lock.
// node dist/test/bench/responsiveness.js [seconds]

const SECONDS = Number(process.argv[2] ?? 10);
const ENDLESS =
  "CREATE TABLE t AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 1000000007 = 0;";

async function latencies(client: RestClient, seconds: number): Promise<number[]> {
  const found: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const began = performance.now();
    await client.text("/v1/audit/events?limit=100");
    found.push(performance.now() - began);
    await delay(5);
  }
  return found;
}

await withService(async ({ client }, directory) => {
  const url = join(directory, "busy.db");
  await client.post("/v1/databases", { name: "busy", engine: "sqlite", url, create: true });
  const migrations = [{ version: "1", name: "endless", up: ENDLESS }];
  await client.post("/v1/databases/busy/migrations", { migrations });
  await latencies(client, 1);
  const idle = await latencies(client, SECONDS);
  const { id } = await client.post("/v1/databases/busy/runs", { rehearse: false });
  await client.until(`/v1/runs/${String(id)}`, ({ status }) => status === "running");
  const busy = await latencies(client, SECONDS);
  const began = performance.now();
  const run = await client.post(`/v1/runs/${String(id)}/cancel`, { reason: "measured" });
  const cancelled = performance.now() - began;
  const [a, b] = [percentile(idle, 0.99), percentile(busy, 0.99)];
  console.log(
    `p99 idle ${a.toFixed(1)} ms, while migrating ${b.toFixed(1)} ms: ${(b / a).toFixed(2)} x`,
  );
  console.log(
    `cancel answered ${String(run["status"])} after ${cancelled.toFixed(0)} ms, recovery included`,
  );
});
