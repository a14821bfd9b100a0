import Sqlite from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DomainEvent } from "../../src/domain/events.ts";
import { fold } from "../../src/domain/state/fold.ts";
import { emptyState } from "../../src/domain/state/state.ts";
import { applied, event, migration, registered } from "../support/history.ts";
import { appendTo, context } from "../support/ledger-samples.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { median, timed } from "./support.ts";

/**
 * Replaying a ledger into the full state (readAll and the real fold), against its floor: one SELECT
 * of the same columns of the two tables, JSON.parse of the payload and a trivial fold. The history
 * is of databases with 100 migrations, each applied by a run of its own. Interleaved in one process,
 * median; 1.0 would be free. `node dist/test/bench/replay.js [events]`, default 1,000,000.
 */
const total = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = total > 200_000 ? 3 : 7;
const MIGRATIONS = 100;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = join(directory, "ledger.db");
const ledger = openLedger(file);
let size = 0;
try {
  for (let n = 0; size < total; n += 1) {
    const events = history(n);
    await ledger.append(appendTo(`database:db-${n}`, "none", { events, context: context() }));
    size += events.length;
  }
  await measure();
} finally {
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
}

/** One database's life: registered, then a run for each migration that adds a table. */
function history(n: number): DomainEvent[] {
  const [first, baseline] = registered;
  const data = { ...first!.data, databaseId: `db-${n}`, name: `database ${n}` };
  const events = [event("DatabaseRegistered", data as never), baseline!];
  for (let version = 1; version <= MIGRATIONS; version += 1) {
    events.push(migration(String(version)));
    for (const one of applied(`run-${n}-${version}`, String(version)))
      events.push(one.type === "StepApplied" ? withTable(one, version) : one);
  }
  return events;
}

function withTable(one: DomainEvent, version: number): DomainEvent {
  const name = `t${version}`;
  const columns = ["id", "name", "note"].map((column, at) => ({
    name: column,
    type: "TEXT",
    notNull: false,
    default: null,
    primaryKey: at === 0 ? 1 : 0,
  }));
  const after = { type: "table", name, table: name, sql: `CREATE TABLE ${name} (…)`, columns };
  const schemaChanges = [{ change: "added", type: "table", name, after }];
  return event("StepApplied", { ...one.data, schemaChanges } as never);
}

async function measure(): Promise<void> {
  const ratios: number[] = [];
  let peak = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const floor = await timed(selectAndParse);
    const before = process.memoryUsage().heapUsed;
    const ours = await timed(async () => {
      const state = emptyState();
      for await (const one of ledger.readAll(0)) {
        fold(state, one);
        if (one.index % 50_000 === 0)
          peak = Math.max(peak, process.memoryUsage().heapUsed - before);
      }
      if (state.size !== size) throw new Error("The replay missed events");
    });
    ratios.push(floor / ours);
  }
  console.log(
    `${size} events into the full state: ratio ${median(ratios).toFixed(2)} (target ≥ 0.6), ` +
      `heap with the state at most ${Math.round(peak / 2 ** 20)} MiB more, ` +
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
  let members = 0;
  for (const row of rows) {
    const payload = JSON.parse(row.data) as { data: object };
    streams.set(row.stream, row.stream_pos);
    if ("data" in payload) members += 1;
  }
  db.close();
  if (members !== size) throw new Error("The floor missed events");
}
