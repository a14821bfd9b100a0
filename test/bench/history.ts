import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventScan } from "../../src/domain/audit/event-scan.ts";
import { ChangeReporter } from "../../src/domain/audit/report/change-report.ts";
import { resolvePeriod } from "../../src/domain/audit/period.ts";
import type { EventQuery } from "../../src/domain/ledger/ledger.ts";
import { SchemaHistory } from "../../src/domain/schema/schema-history.ts";
import { reportCsv } from "../../src/api/report/report-csv.ts";
import { reportJson } from "../../src/api/report/report-json.ts";
import { SqliteDialect } from "../../src/infra/sqlite/sql/sqlite-dialect.ts";
import type { SqliteLedger } from "../../src/infra/sqlite/sqlite-ledger.ts";
import { breathe } from "../../src/infra/system/breathe.ts";
import type { Names } from "../../src/api/views/names.ts";
import { digest } from "../support/digest.ts";
import { context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { percentile, timed } from "./support.ts";
import { syntheticHistory } from "./synthetic.ts";

/*
 * Questions about the past on ledgers of growing size: every filter of the audit history (p99, and
 * against its own p99 on the smallest ledger), and a report of everything against a plain reading of
 * the same events. One process, one file that grows.
 * node dist/test/bench/history.js [sizes…]     default: 10000 100000 1000000
 */
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1e4, 1e5, 1e6];
const QUESTIONS = 300;
const APPENDS_AT_ONCE = 64;
const actorOf = (n: number): string => `act_${String(n).padStart(32, "0")}`;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-history-"));
const ledger = openLedger(join(directory, "ledger.db"));
const index = ledger.searchWith(join(directory, "search.db"));
const history = syntheticHistory({ databases: 50, migrations: 20 });
let size = 0;

/** Databases with an even number are the work of one actor, the others of another. */
async function growTo(target: number): Promise<void> {
  while (size < target) {
    const group: Promise<unknown>[] = [];
    for (let n = 0; n < APPENDS_AT_ONCE && size < target; n += 1) {
      const next = history.next();
      if (next.done === true) throw new Error("The history ended");
      const { stream, events } = next.value;
      const actor = { id: actorOf(Number(stream.replace(/\D/g, "")) % 2), kind: "user" } as const;
      const run = events.find((one) => one.type === "RunRequested")?.data as { runId: string };
      const own = context({ actor, correlation: run.runId });
      group.push(ledger.append({ stream, expected: "any", events, context: own }));
      size += events.length;
    }
    await Promise.all(group);
  }
}

const FILTERS: { readonly [name: string]: Omit<EventQuery, "limit" | "order"> } = {
  "no filter": {},
  database: { stream: "database:db-7" },
  actor: { actor: actorOf(1) },
  "type, common": { types: ["StepApplied"] },
  "type, never": { types: ["DriftDetected"] },
  "database, type": { stream: "database:db-7", types: ["StepApplied"] },
  "database, type never there": { stream: "database:db-7", types: ["DriftDetected"] },
  "database, actor": { stream: "database:db-7", actor: actorOf(1) },
  "database, actor never there": { stream: "database:db-7", actor: actorOf(0) },
  "actor, type": { actor: actorOf(0), types: ["RunRequested"] },
  "actor, types never there": { actor: actorOf(0), types: ["DriftDetected", "RunFailed"] },
  "all three": { stream: "database:db-8", actor: actorOf(0), types: ["StepReverted"] },
};

/** Milliseconds that half of the questions take, and 99 of 100, from places all over the ledger. */
function ask(
  asked: SqliteLedger,
  filter: Omit<EventQuery, "limit" | "order">,
): { readonly half: number; readonly most: number } {
  const times: number[] = [];
  for (let n = 0; n < QUESTIONS; n += 1) {
    const after = Math.floor((n / QUESTIONS) * size);
    const order = n % 2 === 0 ? "asc" : "desc";
    const began = performance.now();
    asked.readRows({ ...filter, after, order, limit: 100 });
    times.push(performance.now() - began);
  }
  return { half: percentile(times, 0.5), most: percentile(times, 0.99) };
}

const names = {
  actor: (id: string) => ({ id, name: id, kind: "user" }),
  database: (id: string) => id,
};

async function report(): Promise<string> {
  const scan = new EventScan(ledger, breathe);
  const schemas = new SchemaHistory(ledger, new SqliteDialect());
  const log = {
    rootAt: () => Promise.resolve(new Uint8Array(32)),
    consistencyProof: () => Promise.resolve([]),
  };
  const calendar = { isOpen: () => true };
  const reporter = new ChangeReporter({ ledger, log, scan, schemas, digest, calendar });
  const period = await resolvePeriod(ledger, {});
  const plain = await timed(async () => {
    for await (const _events of scan.chunks(period));
  });
  const before = process.memoryUsage().rss;
  let bytes = 0;
  let changes = 0;
  const took = await timed(async () => {
    const made = await reporter.report(period, 25);
    changes = made.changes.length;
    const script = (): Promise<undefined> => Promise.resolve(undefined);
    const schema = (id: string, at: number) => schemas.findAt(id, at);
    const source = { report: made, names: names as unknown as Names, digest, script, schema };
    for await (const text of reportJson(source)) bytes += text.length;
    for (const text of reportCsv(made, source.names)) bytes += text.length;
  });
  const peak = Math.max(before, process.memoryUsage().rss) / 2 ** 20;
  return `${changes} changes, ${(bytes / 2 ** 20).toFixed(0)} MiB written, ${(took / 1000).toFixed(1)} s, ratio to reading the events ${(took / plain).toFixed(2)}, RSS ${peak.toFixed(0)} MiB`;
}

try {
  const first = new Map<string, ReturnType<typeof ask>>();
  for (const target of SIZES) {
    await growTo(target);
    while (index.size < size)
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    console.log(
      `\n${size} events, ledger ${mib("ledger.db")} MiB, search index ${mib("search.db")} MiB`,
    );
    for (const [name, filter] of Object.entries(FILTERS)) {
      ask(ledger, filter);
      const { half, most } = ask(ledger, filter);
      const { half: was, most: wasMost } = first.get(name) ?? { half, most };
      first.set(name, { half: was, most: wasMost });
      const shown = [half, most].map((ms) => ms.toFixed(2).padStart(8));
      const ratios = [half / was, most / wasMost].map((ratio) => ratio.toFixed(2));
      console.log(`  ${name.padEnd(28)} p50, p99 ${shown.join("")} ms   × ${ratios.join(", × ")}`);
    }
    console.log(`  report: ${await report()}`);
  }
} finally {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
}

function mib(file: string): string {
  return (statSync(join(directory, file)).size / 2 ** 20).toFixed(0);
}
