import type { DomainEvent } from "../../src/domain/events.ts";
import {
  applied,
  event,
  facts,
  migration,
  registered,
  runRequested,
  stepStarted,
} from "../support/history.ts";

/** Tables that a database comes to have: more migrations change those. */
const TABLES = 20;

/** How the synthetic history is shaped. */
export interface Shape {
  readonly databases: number;
  /** Migrations of each database; the history goes on by rolling the last one back and forth. */
  readonly migrations: number;
}

/**
 * A history without end, in appends of one database each: databases are registered, every migration
 * is applied by a run of its own, and then the newest is rolled back and applied again, with a check
 * after each run. What is open or current does not grow any more from then on.
 */
export function* syntheticHistory({ databases, migrations }: Shape): Generator<{
  readonly stream: string;
  readonly events: readonly DomainEvent[];
}> {
  for (let n = 0; n < databases; n += 1) {
    const events = registration(n);
    for (let version = 1; version <= migrations; version += 1)
      events.push(migration(String(version)), ...up(n, version, version));
    yield { stream: `database:db-${n}`, events };
  }
  for (let cycle = migrations + 1; ; cycle += 1)
    for (let n = 0; n < databases; n += 1)
      yield { stream: `database:db-${n}`, events: downAndUp(n, migrations, cycle) };
}

/** Ids grow with time, as those of version 7 do. */
const idOf = (cycle: number, n: number, kind: number): string =>
  `0190163d-${String(cycle).padStart(6, "0")}-7${kind}-${String(n).padStart(16, "0")}`;

function registration(n: number): DomainEvent[] {
  const [first, baseline] = registered;
  const data = { ...first!.data, databaseId: `db-${n}`, name: `database ${n}` };
  return [event("DatabaseRegistered", data as never), baseline!];
}

function up(n: number, version: number, cycle: number): DomainEvent[] {
  const runId = idOf(cycle, n, 1);
  const run = applied(runId, String(version)).map((one) =>
    one.type === "StepApplied" ? withTable(one, version) : one,
  );
  return [...run.slice(0, -1), ...check(idOf(cycle, n, 3), runId), run.at(-1)!];
}

function downAndUp(n: number, version: number, cycle: number): DomainEvent[] {
  const runId = idOf(cycle, n, 0);
  const text = String(version);
  return [
    runRequested(runId, [text], "rollback"),
    event("RunStarted", { runId, fingerprint: "sha256:x" }),
    stepStarted(runId, text, "down"),
    event("StepReverted", {
      runId,
      attempt: `${runId}-${text}-down`,
      version: text,
      direction: "down",
      ...facts("sha256:a", "sha256:b"),
    }),
    ...check(idOf(cycle, n, 2), runId),
    event("RunCompleted", { runId, fingerprint: "sha256:x", durationMs: 1, versions: [text] }),
    ...up(n, version, cycle),
  ];
}

const check = (checkId: string, runId: string): DomainEvent[] => [
  event("IntegrityCheckStarted", { checkId, level: "quick", runId }),
  event("IntegrityCheckCompleted", { checkId, status: "passed", findings: [], durationMs: 1 }),
];

function withTable(one: DomainEvent, version: number): DomainEvent {
  const name = `t${version % TABLES}`;
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
