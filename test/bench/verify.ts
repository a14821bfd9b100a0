import Sqlite from "better-sqlite3";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Proofs } from "../../src/domain/ledger/proofs.ts";
import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import { ExportFiles } from "../../src/infra/log-export/export-files.ts";
import { LogExport } from "../../src/infra/log-export/log-export.ts";
import { ThreadedExport } from "../../src/infra/log-export/threaded-export.ts";
import { SqliteTransparencyLog } from "../../src/infra/sqlite/sqlite-transparency-log.ts";
import { verifyLedgerFile } from "../../src/infra/sqlite/verify-ledger.ts";
import { digest } from "../support/digest.ts";
import { appendTo, revoked } from "../support/ledger-samples.ts";
import { openLedger, SIGNER } from "../support/sqlite-ledger.ts";
import { median, percentile, timed } from "./support.ts";

/**
 * Verifying a whole ledger in one thread and with two workers, against the replay floor: one SELECT
 * of both tables, JSON.parse of the payload and a trivial fold. Then verification from a kept
 * checkpoint, proofs, the export, and what publishing costs appends.
 * `node dist/test/bench/verify.js [events] [part]`, default 200,000 and all of them.
 */
const total = Number(process.argv[2] ?? 200_000);
const PARTS = { verification, proofs, exporting, publishing };
const only = process.argv[3];
const ROUNDS = total > 500_000 ? 3 : 5;
const BATCH = 1000;
const APPENDS = 8000;
const PUBLISHED_ROUNDS = 15;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const tileCache = join(directory, "tiles", "1");
const options = { digest, verifierKeys: [SIGNER.verifierKey], wholeFile: false, tileCache };
try {
  await fill();
  for (const [name, measure] of Object.entries(PARTS))
    if (only === undefined || only === name) await measure();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function fill(): Promise<void> {
  const ledger = openLedger(file);
  for (let n = 0; n < total; n += BATCH)
    await ledger.append(appendTo(`database:${n % 50}`, "any", { events: revoked(BATCH) }));
  await ledger.checkpoint();
  await ledger.close();
}

async function verification(): Promise<void> {
  const ratios: Record<"here" | "workers", number[]> = { here: [], workers: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const floor = await timed(selectAndParse);
    const check = (workers: number): Promise<number> =>
      timed(async () => {
        const { ok, checkedEvents } = await verifyLedgerFile(file, { ...options, workers });
        if (!ok || checkedEvents !== total) throw new Error("The verification is wrong");
      });
    ratios.here.push(floor / (await check(0)));
    ratios.workers.push(floor / (await check(2)));
  }
  console.log(
    `verification of ${total} events: ${median(ratios.here).toFixed(2)} of the replay floor in one ` +
      `thread (target ≥ 0.4), ${median(ratios.workers).toFixed(2)} with two workers (target ≥ 0.75)`,
  );
}

async function proofs(): Promise<void> {
  const ledger = openLedger(file);
  const cache = { file: tileCache, readOnly: false };
  const log = new SqliteTransparencyLog({ file, origin: SIGNER.name, cache, digest });
  const first = await timed(() => log.rootAt(total));
  const service = new Proofs(ledger, log, digest);
  const times: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const index = (n * 7919) % total;
    times.push(await timed(() => service.fileOf(index)));
  }
  console.log(
    `proof files: median ${median(times).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms ` +
      `(target ≤ 10 ms); all tile hashes worked out anew once in ${first.toFixed(0)} ms`,
  );
  const root = await log.rootAt(total);
  await ledger.append(appendTo("s", "any", { events: revoked(BATCH) }));
  await ledger.checkpoint();
  const since = { size: total, root, name: "kept" };
  const whole = await timed(() => verifyLedgerFile(file, options));
  const part = await timed(() => verifyLedgerFile(file, { ...options, since }));
  console.log(
    `verification of ${BATCH} events more than a kept checkpoint: ${part.toFixed(0)} ms, of everything ` +
      `${whole.toFixed(0)} ms`,
  );
  await log.close();
  await ledger.close();
}

async function exporting(): Promise<void> {
  const ledger = openLedger(file);
  const cache = { file: tileCache, readOnly: true };
  const log = new SqliteTransparencyLog({ file, origin: SIGNER.name, cache, digest });
  const keys = [parseVerifierKey(digest, SIGNER.verifierKey)];
  const parts = { log, content: async () => undefined, digest, keys: () => keys };
  const target = new LogExport(new ExportFiles(join(directory, "export")), parts);
  const run = async (): Promise<number> =>
    timed(async () => target.run(await ledger.checkpoint(), [SIGNER.verifierKey]));
  const whole = await run();
  await ledger.append(appendTo("s", "any", { events: revoked(BATCH) }));
  const more = await run();
  console.log(
    `export of ${total} events: ${whole.toFixed(0)} ms (${((total / whole) * 1000).toFixed(0)} events/s); ` +
      `of ${BATCH} more: ${more.toFixed(0)} ms`,
  );
  await log.close();
  await ledger.close();
}

/** Appends in tens while tiles are worked out and the log is exported each second, against without. */
async function publishing(): Promise<void> {
  const ratios: number[] = [];
  const rates: number[] = [];
  const runs: number[] = [];
  for (let round = 0; round < PUBLISHED_ROUNDS; round += 1) {
    const times = { alone: 0, published: 0 };
    let exports = 0;
    // Each is first in turn: the disk is not the same later on.
    for (const published of round % 2 === 0 ? [false, true] : [true, false]) {
      const place = join(directory, `publish-${round}-${published}`);
      mkdirSync(place);
      const ledger = openLedger(join(place, "ledger.db"));
      const cache = { file: join(place, "tiles"), readOnly: false };
      const log = new SqliteTransparencyLog({
        file: join(place, "ledger.db"),
        origin: SIGNER.name,
        cache,
        digest,
      });
      // A service works tiles out as the ledger grows: that is part of the cost.
      if (published) log.follow(fail);
      const keys = [parseVerifierKey(digest, SIGNER.verifierKey)];
      const parts = { log, content: async () => undefined, digest, keys: () => keys };
      const exported = join(place, "export");
      const files = { file: join(place, "ledger.db"), tileCache: cache.file };
      const here = new LogExport(new ExportFiles(exported), parts);
      const data = { ledger: files, directory: exported, payloads: true };
      const target = new ThreadedExport(here, data, parts.keys);
      let exporting = Promise.resolve();
      const timer = setInterval(() => {
        if (!published) return;
        exporting = exporting.then(async () => {
          await target.run(await ledger.checkpoint(), [SIGNER.verifierKey]);
          exports += 1;
        });
      }, 1000);
      times[published ? "published" : "alone"] = await timed(async () => {
        for (let n = 0; n < APPENDS; n += 1)
          await ledger.append(appendTo(`database:${n % 50}`, "any", { events: revoked(10) }));
      });
      clearInterval(timer);
      await exporting;
      await target.close();
      await log.close();
      await ledger.close();
    }
    ratios.push(times.published / times.alone);
    rates.push((APPENDS * 10_000) / times.alone);
    runs.push(exports);
  }
  const cost = (median(ratios) - 1) * 100;
  const each = ratios.map((ratio) => ((ratio - 1) * 100).toFixed(0)).join(", ");
  console.log(
    `publishing every second costs appends in tens ${cost.toFixed(0)} % (target ≤ 10 %): rounds ${each}; ` +
      `${median(rates).toFixed(0)} events/s without it, ${median(runs)} exports a round`,
  );
}

function fail(error: unknown): never {
  throw error;
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
  if (members !== total) throw new Error("The floor missed events");
}
