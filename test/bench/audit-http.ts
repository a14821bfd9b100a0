import autocannon from "autocannon";
import Sqlite from "better-sqlite3";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TestService } from "../support/service.ts";

/*
 * The audit history over HTTP against a floor: a bare node:http server that runs the same prepared
 * statement over the same file and joins the stored JSON, without routing, authentication, security
 * headers or names. Both serve from this process, in turns, while a load generator asks from worker
 * threads; printed are requests a second (medians) and their ratio.
 */
const EVENTS = 3_000;
const ROUNDS = 3;
const SECONDS = 1;
const LIMITS = [1, 100, 1000];

const service = await TestService.start({ rateLimit: 0 });
await fill();
const floor = floorServer(join(service.data, "ledger.db"));
await new Promise<void>((resolve) => floor.listen(0, "127.0.0.1", resolve));
const floorUrl = `http://127.0.0.1:${(floor.address() as AddressInfo).port}`;

for (const limit of LIMITS) {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await load(`${service.url}/v1/audit/events?limit=${limit}`));
    bare.push(await load(`${floorUrl}/?limit=${limit}`));
  }
  const [a, b] = [median(ours), median(bare)];
  console.log(
    `limit ${limit}: ${a.toFixed(0)} req/s, floor ${b.toFixed(0)} req/s, ratio ${(a / b).toFixed(2)}`,
  );
}
floor.close();
await service.stop();

/** Events like those of a busy service: mostly of one database, by few actors. */
async function fill(): Promise<void> {
  await service.register("shop");
  const migrations = Array.from({ length: EVENTS / 3 }, (_, i) => ({
    version: `${i}`,
    name: `migration ${i}`,
    up: `CREATE TABLE t${i} (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`,
  }));
  for (const name of ["shop", "bank", "club"]) {
    if (name !== "shop") await service.register(name);
    const { status } = await service.post(`/v1/databases/${name}/migrations`, { migrations });
    if (status !== 201) throw new Error(`The events could not be made: ${status}`);
  }
}

function floorServer(file: string) {
  const db = new Sqlite(file, { readonly: true });
  const statement =
    db.prepare(`SELECT e.idx AS "index", e.id, e.stream, e.stream_pos AS streamVersion,
    e.type, e.v, e.time, e.actor, e.actor_kind AS actorKind, e.correlation, e.causation,
    lower(hex(e.leaf_hash)) AS leafHash, p.data AS payload
    FROM event e NOT INDEXED LEFT JOIN payload p ON p.idx = e.idx WHERE e.idx BETWEEN ? AND ? ORDER BY e.idx asc LIMIT ?`);
  return createServer((request, response) => {
    const limit = Number(new URL(request.url!, "http://x").searchParams.get("limit"));
    const rows = statement.all(0, Number.MAX_SAFE_INTEGER, limit + 1) as { payload: string }[];
    const text = `{"items":[${rows
      .slice(0, limit)
      .map(({ payload }) => payload)
      .join(",")}]}`;
    response.setHeader("Content-Type", "application/json");
    response.end(text);
  });
}

async function load(url: string): Promise<number> {
  const result = await autocannon({
    url,
    connections: 8,
    workers: 1,
    duration: SECONDS,
    headers: { authorization: `Bearer ${service.token}` },
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url} failed`);
  return result.requests.average;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
