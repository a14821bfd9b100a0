import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Projection } from "../../src/domain/state/projection.ts";
import { SqliteProjectionStore } from "../../src/infra/sqlite/sqlite-projection-store.ts";
import { SystemClock } from "../../src/infra/system/system-clock.ts";
import { digest } from "../support/digest.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { median, timed } from "./support.ts";
import { syntheticHistory } from "./synthetic.ts";

/**
 * Replaying a whole ledger into the full state, stored projection included, as a first start or a
 * rebuild does it, against its floor: one SELECT of the same columns of the two tables, JSON.parse
 * of the payload and a trivial fold. Interleaved in one process, median; 1.0 would be free. Then the
 * memory that the state takes, at the whole and at a quarter of the history: it must not grow with
 * it. `node --expose-gc dist/test/bench/replay.js [events] [databases] [migrations]`, default
 * 1,000,000, 100, 100.
 */
const total = Number(process.argv[2] ?? 1_000_000);
const shape = {
  databases: Number(process.argv[3] ?? 100),
  migrations: Number(process.argv[4] ?? 100),
};
const ROUNDS = total > 200_000 ? 3 : 7;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const stored = join(directory, "projection.db");
const ledger = openLedger(file);
let size = 0;
try {
  const heaps: string[] = [];
  for (const { stream, events } of syntheticHistory(shape)) {
    await ledger.append(appendTo(stream, "any", { events, context: context() }));
    const quarter = size < total / 4 && size + events.length >= total / 4;
    size += events.length;
    if (quarter) heaps.push(await heapOfState());
    if (size >= total) break;
  }
  await measure();
  heaps.push(await heapOfState());
  for (const heap of heaps) console.log(heap);
} finally {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
}

async function projected(): Promise<Projection> {
  rmSync(stored, { force: true });
  const projection = new Projection({
    ledger,
    store: new SqliteProjectionStore(stored),
    digest,
    clock: new SystemClock(),
    code: "bench",
    notify: () => {},
  });
  await projection.start();
  if (projection.state.size !== size) throw new Error("The replay missed events");
  return projection;
}

async function measure(): Promise<void> {
  const ratios: number[] = [];
  const ofCpu: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const beginning = cpuMs();
    const floor = await timed(selectAndParse);
    const between = cpuMs();
    let projection: Projection | undefined;
    const ours = await timed(async () => {
      projection = await projected();
    });
    ofCpu.push((between - beginning) / (cpuMs() - between));
    await projection?.stop();
    ratios.push(floor / ours);
    console.log(`round ${round}: floor ${floor.toFixed(0)} ms, ours ${ours.toFixed(0)} ms`);
  }
  const bytes = statSync(stored).size / 2 ** 20;
  console.log(
    `${size} events into the full state, stored: ratio ${median(ratios).toFixed(2)} ` +
      `(target ≥ 0.6), of processor time ${median(ofCpu).toFixed(2)}, projection.db ${bytes.toFixed(0)} MiB`,
  );
}

/** Of this process so far: on a machine that does other things too it tells more than the time. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What is reachable because of the state alone. */
async function heapOfState(): Promise<string> {
  const { gc } = globalThis;
  if (gc === undefined) return "Run it with --expose-gc to see the memory";
  gc();
  const before = process.memoryUsage().heapUsed;
  const projection = await projected();
  gc();
  const heap = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  const { runs, checks, databases } = projection.state;
  await projection.stop();
  return (
    `${size} events: the state takes ${heap.toFixed(1)} MiB of heap, with ${databases.size} ` +
    `databases, ${runs.size} runs, ${checks.size} checks in memory`
  );
}

function selectAndParse(): void {
  const db = new Sqlite(file, { readonly: true });
  const rows = db
    .prepare(
      `SELECT idx, id, stream, stream_pos, type, v, time, actor, actor_kind, correlation, causation,
         leaf_hash, data FROM event JOIN payload USING (idx) ORDER BY idx`,
    )
    .iterate() as IterableIterator<{ stream: string; stream_pos: number; data: string }>;
  const streams = new Map<string, number>();
  let members = 0;
  for (const row of rows) {
    const payload = JSON.parse(row.data) as { data: object };
    streams.set(row.stream, row.stream_pos);
    if ("data" in payload) members += 1;
  }
  db.close();
  if (members !== size) throw new Error("The floor missed events");
}
