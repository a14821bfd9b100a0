import { EventScan } from "../../src/domain/audit/event-scan.ts";
import { ChangeReporter } from "../../src/domain/audit/report/change-report.ts";
import { resolvePeriod, type Period } from "../../src/domain/audit/period.ts";
import { SchemaHistory, type PresentSchema } from "../../src/domain/schema/schema-history.ts";
import { reportCsv } from "../../src/api/report/report-csv.ts";
import { reportJson } from "../../src/api/report/report-json.ts";
import { SqliteDialect } from "../../src/infra/sqlite/sql/sqlite-dialect.ts";
import type { SqliteLedger } from "../../src/infra/sqlite/sqlite-ledger.ts";
import { breathe } from "../../src/infra/system/breathe.ts";
import type { Names } from "../../src/api/views/names.ts";
import { digest } from "../support/digest.ts";
import { timed } from "./support.ts";

/** Of a synthetic history, at most. */
const DATABASES = 100;

const names = {
  actor: (id: string) => ({ id, name: id, kind: "user" }),
  database: (id: string) => id,
};

/**
 * A report, JSON and CSV, of the newest `runs` runs (0: of everything), against a plain reading of
 * the same period's events; what it cost, in words.
 */
export async function reportOf(ledger: SqliteLedger, runs: number): Promise<string> {
  const scan = new EventScan(ledger, breathe);
  const whole = await resolvePeriod(ledger, {});
  const present = await presentSchemas(ledger, whole.last);
  const schemas = new SchemaHistory(
    ledger,
    () => new SqliteDialect(),
    (id) => present.get(id),
  );
  const log = {
    rootAt: () => Promise.resolve(new Uint8Array(32)),
    consistencyProof: () => Promise.resolve([]),
  };
  const calendar = { isOpen: () => true };
  const reporter = new ChangeReporter({ ledger, log, scan, schemas, digest, calendar });
  const period = await newest(ledger, runs);
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
    const source = { report: made, names: names as unknown as Names, digest, script, schemas };
    for await (const text of reportJson(source)) bytes += text.length;
    for (const text of reportCsv(made, source.names)) bytes += text.length;
  });
  const mib = (value: number): string => `${(value / 2 ** 20).toFixed(0)} MiB`;
  const peak = process.resourceUsage().maxRSS * 1024;
  const events = period.last - period.first + 1;
  return (
    `${changes} changes in ${events} events, ${mib(bytes)} written, ${(took / 1000).toFixed(1)} s, ` +
    `${(took / plain).toFixed(2)} x reading the events; RSS ${mib(peak)} at most, ${mib(before)} before`
  );
}

/** What a service has in memory: the schemas of now. */
async function presentSchemas(ledger: SqliteLedger, last: number) {
  const history = new SchemaHistory(ledger, () => new SqliteDialect());
  const present = new Map<string, PresentSchema>();
  for (let n = 0; n < DATABASES; n += 1) {
    const found = await history.findAt(`db-${n}`, last);
    if (found !== undefined) present.set(`db-${n}`, { schema: found.schema, size: last + 1 });
  }
  return present;
}

/** The period that begins with the request of the oldest of the newest runs. */
async function newest(ledger: SqliteLedger, runs: number): Promise<Period> {
  const whole = await resolvePeriod(ledger, {});
  if (runs === 0) return whole;
  let after: number | undefined;
  for (let left = runs; left > 0;) {
    const limit = Math.min(left, 1000);
    const query = { types: ["RunRequested"], order: "desc", limit } as const;
    const events = ledger.readRows(after === undefined ? query : { ...query, after });
    if (events.length === 0) break;
    after = events.at(-1)!.index;
    left -= events.length;
  }
  return { ...whole, first: after ?? 0 };
}
