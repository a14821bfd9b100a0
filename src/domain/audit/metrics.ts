import { databaseIdOf, type EventType, type RecordedEvent } from "../events.ts";
import type { Finding, RehearsedStep } from "../migration/events.ts";
import { Durations, type DurationSummary } from "./durations.ts";
import { handle, type EventHandlers, type Recorded } from "./event-handlers.ts";
import type { EventScan } from "./event-scan.ts";
import type { Period } from "./period.ts";
import { Tally, type TallySummary } from "./tally.ts";

/** What happened in a period, in all and divided. */
export interface Metrics {
  readonly period: Period;
  readonly total: TallySummary;
  readonly byDatabase: readonly (TallySummary & { readonly databaseId: string })[];
  readonly byMigration: readonly MigrationMetrics[];
  /** UTC days, `2026-01-02`. */
  readonly byDay: readonly (TallySummary & { readonly day: string })[];
  readonly findings: readonly MetricsFinding[];
}

/** One script in one direction, on however many databases it ran. */
export interface MigrationMetrics {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly direction: "up" | "down";
  readonly committed: number;
  readonly failed: number;
  readonly durationsMs: DurationSummary;
  readonly rehearsalsMs: DurationSummary;
}

export interface MetricsFinding extends Finding {
  readonly databaseId: string;
  readonly runId: string;
  readonly version: string;
  readonly eventIndex: number;
}

/** A step slower than its rehearsal by this factor, and by more than this, is worth a look. */
const SLOWER = 2;
const SLOWER_BY_MS = 1000;

interface MigrationCount {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
  readonly direction: "up" | "down";
  committed: number;
  failed: number;
  readonly durations: Durations;
  readonly rehearsals: Durations;
}

/** Reads a period's metrics. `stream` narrows to one database. */
export async function readMetrics(
  scan: EventScan,
  period: Period,
  stream: string | undefined,
): Promise<Metrics> {
  const counter = new Counter();
  const types: readonly EventType[] = [...new Set<EventType>([...Tally.TYPES, "StepStarted"])];
  for await (const events of scan.chunks(period, {
    types,
    ...(stream === undefined ? {} : { stream }),
  }))
    for (const event of events) counter.add(event);
  return counter.metrics(period);
}

class Counter {
  readonly #total = new Tally();
  readonly #databases = new Map<string, Tally>();
  readonly #days = new Map<string, Tally>();
  readonly #migrations = new Map<string, MigrationCount>();
  /** Attempts under way and the script each is of. */
  readonly #attempts = new Map<string, MigrationCount>();
  /** By run: how long each step took in its rehearsal. */
  readonly #rehearsed = new Map<string, ReadonlyMap<string, number>>();
  readonly #findings: MetricsFinding[] = [];
  readonly #handlers: EventHandlers = {
    StepStarted: ({ data }) => this.#attempts.set(data.attempt, this.#migrationOf(data)),
    RehearsalCompleted: ({ data }) => this.#rehearsed.set(data.runId, rehearsedTimes(data.steps)),
    StepApplied: (event) => this.#committed(event),
    StepReverted: (event) => this.#committed(event),
    StepFailed: (event) => this.#ended(event),
    StepAborted: (event) => this.#ended(event),
    RunCompleted: ({ data }) => this.#rehearsed.delete(data.runId),
    RunFailed: ({ data }) => this.#rehearsed.delete(data.runId),
    RunCancelled: ({ data }) => this.#rehearsed.delete(data.runId),
  };

  add(event: RecordedEvent): void {
    const databaseId = databaseIdOf(event.stream);
    if (databaseId === undefined) return;
    for (const tally of [
      this.#total,
      tallyOf(this.#databases, databaseId),
      tallyOf(this.#days, event.time.slice(0, 10)),
    ])
      tally.add(event.type, event.data);
    handle(this.#handlers, event);
  }

  metrics(period: Period): Metrics {
    return {
      period,
      total: this.#total.summary(),
      byDatabase: divided(this.#databases).map(([databaseId, tally]) =>
        Object.assign({ databaseId }, tally.summary()),
      ),
      byMigration: [...this.#migrations.values()].map(({ durations, rehearsals, ...migration }) =>
        Object.assign(migration, {
          durationsMs: durations.summary(),
          rehearsalsMs: rehearsals.summary(),
        }),
      ),
      byDay: divided(this.#days).map(([day, tally]) => Object.assign({ day }, tally.summary())),
      findings: this.#findings,
    };
  }

  #ended({ data }: Recorded<"StepFailed" | "StepAborted">): void {
    const migration = this.#attempts.get(data.attempt);
    this.#attempts.delete(data.attempt);
    const begun = !("begun" in data) || data.begun !== false;
    if (migration !== undefined && begun) migration.failed += 1;
  }

  #committed(event: Recorded<"StepApplied" | "StepReverted">): void {
    const databaseId = databaseIdOf(event.stream)!;
    const { attempt, runId, version, direction, durationMs, recovered } = event.data;
    const migration = this.#attempts.get(attempt);
    this.#attempts.delete(attempt);
    if (migration === undefined) return;
    migration.committed += 1;
    if (recovered === true) return;
    migration.durations.add(durationMs);
    const rehearsed = this.#rehearsed.get(runId)?.get(`${direction} ${version}`);
    if (rehearsed === undefined) return;
    migration.rehearsals.add(rehearsed);
    if (durationMs > rehearsed * SLOWER && durationMs - rehearsed > SLOWER_BY_MS)
      this.#findings.push({
        severity: "warning",
        code: "slower-than-rehearsal",
        message: `Version ${version} took ${durationMs} ms; its rehearsal took ${rehearsed} ms`,
        hint: "Look for other writers, locks or load at that time",
        databaseId,
        runId,
        version,
        eventIndex: event.index,
      });
  }

  #migrationOf({
    version,
    name,
    checksum,
    direction,
  }: Pick<MigrationCount, "version" | "name" | "checksum" | "direction">): MigrationCount {
    const key = `${direction} ${checksum} ${version}`;
    const known = this.#migrations.get(key);
    if (known !== undefined) return known;
    const counts = { committed: 0, failed: 0 };
    const times = { durations: new Durations(), rehearsals: new Durations() };
    const migration = { version, name, checksum, direction, ...counts, ...times };
    this.#migrations.set(key, migration);
    return migration;
  }
}

const rehearsedTimes = (steps: readonly RehearsedStep[]): ReadonlyMap<string, number> =>
  new Map(
    steps.map(({ version, direction, durationMs }) => [`${direction} ${version}`, durationMs]),
  );

function tallyOf(tallies: Map<string, Tally>, key: string): Tally {
  const known = tallies.get(key) ?? new Tally();
  tallies.set(key, known);
  return known;
}

const divided = (tallies: ReadonlyMap<string, Tally>): [string, Tally][] =>
  [...tallies].toSorted(([a], [b]) => (a < b ? -1 : 1));
