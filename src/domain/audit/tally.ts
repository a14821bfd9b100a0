import type { EventData, EventType } from "../events.ts";
import type { RowChange } from "../migration/events.ts";
import { Durations, type DurationSummary } from "./durations.ts";

/** What happened in a period to one database, migration or day, or in all. */
export interface TallySummary {
  readonly runs: Counts<"requested" | "succeeded" | "failed" | "cancelled" | "rejected">;
  readonly steps: Counts<"applied" | "reverted" | "failed" | "aborted" | "unknown">;
  readonly rehearsals: Counts<"passed" | "failed">;
  readonly recoveries: number;
  readonly durationsMs: {
    readonly runs: DurationSummary;
    readonly steps: DurationSummary;
    readonly backups: DurationSummary;
    readonly checks: DurationSummary;
  };
  readonly rows: Counts<"added" | "removed">;
  readonly backups: Counts<
    "completed" | "failed" | "verified" | "damaged" | "bytes" | "storedBytes" | "largestBytes"
  >;
  readonly restores: Counts<"completed" | "failed">;
  readonly checks: Counts<"passed" | "failed" | "aborted">;
  readonly drifts: number;
}

type Counts<Name extends string> = { readonly [name in Name]: number };
type Counting<T> = { -readonly [K in keyof T]: T[K] };

type Counted = { readonly [T in EventType]?: (tally: Tally, data: EventData[T]) => void };

/** Counts the events it is given. */
export class Tally {
  readonly #runs: Counting<TallySummary["runs"]> = {
    requested: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    rejected: 0,
  };
  readonly #steps: Counting<TallySummary["steps"]> = {
    applied: 0,
    reverted: 0,
    failed: 0,
    aborted: 0,
    unknown: 0,
  };
  readonly #rehearsals = { passed: 0, failed: 0 };
  readonly #rows = { added: 0, removed: 0 };
  readonly #backups: Counting<TallySummary["backups"]> = {
    completed: 0,
    failed: 0,
    verified: 0,
    damaged: 0,
    bytes: 0,
    storedBytes: 0,
    largestBytes: 0,
  };
  readonly #restores = { completed: 0, failed: 0 };
  readonly #checks = { passed: 0, failed: 0, aborted: 0 };
  readonly #times = {
    runs: new Durations(),
    steps: new Durations(),
    backups: new Durations(),
    checks: new Durations(),
  };
  #recoveries = 0;
  #drifts = 0;

  static readonly #COUNTED = {
    RunRequested: (tally) => (tally.#runs.requested += 1),
    RunCompleted: (tally, { durationMs }) => tally.#ran("succeeded", durationMs),
    RunFailed: (tally, { durationMs }) => tally.#ran("failed", durationMs),
    RunCancelled: (tally, { durationMs }) => tally.#ran("cancelled", durationMs),
    RunRejected: (tally) => (tally.#runs.rejected += 1),
    StepApplied: (tally, data) => tally.#stepped("applied", data),
    StepReverted: (tally, data) => tally.#stepped("reverted", data),
    StepFailed: (tally, { state }) =>
      (tally.#steps[state === "unknown" ? "unknown" : "failed"] += 1),
    StepAborted: (tally, { begun }) => (tally.#steps.aborted += begun === false ? 0 : 1),
    StepUnknown: (tally) => (tally.#steps.unknown += 1),
    RehearsalCompleted: (tally, { outcome }) => (tally.#rehearsals[outcome] += 1),
    RecoveryStarted: (tally) => (tally.#recoveries += 1),
    BackupCompleted: (tally, data) => tally.#backedUp(data),
    BackupFailed: (tally) => (tally.#backups.failed += 1),
    BackupVerified: (tally) => (tally.#backups.verified += 1),
    BackupVerificationFailed: (tally) => (tally.#backups.damaged += 1),
    RestoreCompleted: (tally) => (tally.#restores.completed += 1),
    RestoreFailed: (tally) => (tally.#restores.failed += 1),
    IntegrityCheckCompleted: (tally, { status, durationMs }) => {
      tally.#checks[status] += 1;
      tally.#times.checks.add(durationMs);
    },
    DriftDetected: (tally) => (tally.#drifts += 1),
  } satisfies Counted;

  /** Every type that counts. */
  static readonly TYPES: readonly EventType[] = Object.keys(Tally.#COUNTED) as EventType[];

  add<T extends EventType>(type: T, data: EventData[T]): void {
    const count = (Tally.#COUNTED as Counted)[type];
    count?.(this, data);
  }

  summary(): TallySummary {
    const { runs, steps, backups, checks } = this.#times;
    return {
      runs: { ...this.#runs },
      steps: { ...this.#steps },
      rehearsals: { ...this.#rehearsals },
      recoveries: this.#recoveries,
      durationsMs: {
        runs: runs.summary(),
        steps: steps.summary(),
        backups: backups.summary(),
        checks: checks.summary(),
      },
      rows: { ...this.#rows },
      backups: { ...this.#backups },
      restores: { ...this.#restores },
      checks: { ...this.#checks },
      drifts: this.#drifts,
    };
  }

  #ran(how: "succeeded" | "failed" | "cancelled", durationMs: number): void {
    this.#runs[how] += 1;
    this.#times.runs.add(durationMs);
  }

  /** Of a step that recovery found, neither duration nor rows are known. */
  #stepped(
    how: "applied" | "reverted",
    data: Pick<EventData["StepApplied"], "rows" | "durationMs" | "recovered">,
  ): void {
    this.#steps[how] += 1;
    if (data.recovered === true) return;
    this.#times.steps.add(data.durationMs);
    for (const row of data.rows) this.#moved(row);
  }

  #moved({ before, after }: RowChange): void {
    const more = (after ?? 0) - (before ?? 0);
    if (more > 0) this.#rows.added += more;
    else this.#rows.removed -= more;
  }

  #backedUp({ bytes, storedBytes, durationMs }: EventData["BackupCompleted"]): void {
    const backups = this.#backups;
    backups.completed += 1;
    backups.bytes += bytes;
    backups.storedBytes += storedBytes;
    backups.largestBytes = Math.max(backups.largestBytes, bytes);
    this.#times.backups.add(durationMs);
  }
}
