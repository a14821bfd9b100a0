import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendTo, context, revoked } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";

/**
 * Replaying a ledger through readAll into a fold, against its floor: one SELECT of the same
 * columns of the two tables, JSON.parse of the payload and the same fold. Interleaved in one
 * process, median; 1.0 would be free. `node dist/test/bench/replay.js [events]`, default 1,000,000.
 */
const total = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = total > 200_000 ? 3 : 7;
const GROUP = 1000;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const ledger = openLedger(file);
try {
  for (let written = 0; written < total; written += GROUP) {
    const events = revoked(Math.min(GROUP, total - written));
    const stream = `database:${(written / GROUP) % 50}`;
    await ledger.append(appendTo(stream, "any", { events, context: context() }));
  }
  await measure();
} finally {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const floor: number[] = [];
  const ours: number[] = [];
  let peak = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    floor.push(await timed(() => selectAndParse()));
    const before = process.memoryUsage().heapUsed;
    ours.push(
      await timed(async () => {
        const streams = new Map<string, number>();
        let reasons = 0;
        for await (const event of ledger.readAll(0)) {
          streams.set(event.stream, event.streamVersion);
          if (event.type === "KeyRevoked") reasons += event.data.reason.length;
          if (event.index % 50_000 === 0) {
            peak = Math.max(peak, process.memoryUsage().heapUsed - before);
          }
        }
        check(streams, reasons);
      }),
    );
  }
  const ratio = median(floor.map((time, i) => time / ours[i]!));
  const rate = (times: readonly number[]): string =>
    Math.round((total * 1000) / median(times)).toString();
  console.log(`${total} events: floor ${rate(floor)}/s, readAll ${rate(ours)}/s`);
  console.log(
    `ratio ${ratio.toFixed(2)} (target ≥ 0.6), heap growth at most ${Math.round(peak / 2 ** 20)} MiB, ` +
      `peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
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
  let reasons = 0;
  for (const row of rows) {
    const payload = JSON.parse(row.data) as { data: { reason: string } };
    streams.set(row.stream, row.stream_pos);
    reasons += payload.data.reason.length;
  }
  db.close();
  check(streams, reasons);
}

function check(streams: ReadonlyMap<string, number>, reasons: number): void {
  if (streams.size === 0 || reasons < total) throw new Error("The replay missed events");
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
