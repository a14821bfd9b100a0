import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { actorOf, ask, FILTERS } from "./questions.ts";
import { percentile } from "./support.ts";
import { reportOf } from "./report-cost.ts";
import { syntheticHistory } from "./synthetic.ts";

/*
 * Questions about the past on ledgers of growing size: every filter of the audit history (p99, and
 * against its own p99 on the smallest ledger), and a report of everything against a plain reading of
 * the same events. One process, one file that grows.
 * node dist/test/bench/history.js [sizes…]     default: 10000 100000 1000000
 */
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1e4, 1e5, 1e6];
const APPENDS_AT_ONCE = 64;

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

try {
  const first = new Map<string, { readonly half: number; readonly most: number }>();
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
      ask(ledger, filter, size);
      const times = ask(ledger, filter, size);
      const [half, most] = [percentile(times, 0.5), percentile(times, 0.99)];
      const { half: was, most: wasMost } = first.get(name) ?? { half, most };
      first.set(name, { half: was, most: wasMost });
      const shown = [half, most].map((ms) => ms.toFixed(2).padStart(8));
      const ratios = [half / was, most / wasMost].map((ratio) => ratio.toFixed(2));
      console.log(`  ${name.padEnd(28)} p50, p99 ${shown.join("")} ms   × ${ratios.join(", × ")}`);
    }
    console.log(`  report: ${await reportOf(ledger, 0)}`);
  }
} finally {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
}

function mib(file: string): string {
  return (statSync(join(directory, file)).size / 2 ** 20).toFixed(0);
}
