import { databaseIdOf, type EventType, type RecordedEvent } from "../../domain/events.ts";
import type { Metrics } from "../../infra/telemetry/metrics.ts";

/** What labels say. */
export interface NameOf {
  readonly database: (databaseId: string) => string;
  /** Of a schedule that was not deleted. */
  readonly schedule: (scheduleId: string) => string;
  readonly target: (targetId: string) => string;
}

/** What a run's event is counted under is known from its request. */
interface Begun {
  readonly kind: string;
  readonly at: number;
}

type Count = (event: RecordedEvent, database: string) => void;

/** Counts what happens while the process lives: counters begin at 0 with each start. */
export class EventCounter {
  readonly #metrics: Metrics;
  readonly #nameOf: NameOf;
  readonly #begun = new Map<string, Begun>();
  readonly #counts = new Map<EventType, Count>();

  constructor(metrics: Metrics, nameOf: NameOf) {
    this.#metrics = metrics;
    this.#nameOf = nameOf;
    this.#countRuns();
    this.#countSteps();
    this.#countSchedules();
    this.#countTheRest();
    this.#countDeliveries();
  }

  count(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      this.#metrics.events.inc({ type: event.type });
      this.#counts.get(event.type)?.(
        event,
        this.#nameOf.database(databaseIdOf(event.stream) ?? ""),
      );
    }
  }

  #on<T extends EventType>(
    type: T,
    count: (event: Extract<RecordedEvent, { type: T }>, database: string) => void,
  ): void {
    this.#counts.set(type, count as Count);
  }

  #countRuns(): void {
    this.#on("RunRequested", ({ data, time }) =>
      this.#begun.set(data.runId, { kind: data.kind, at: Date.parse(time) }),
    );
    this.#on("RunStarted", ({ data, time }) => {
      const kind = this.#begun.get(data.runId)?.kind ?? "migrate";
      this.#begun.set(data.runId, { kind, at: Date.parse(time) });
    });
    this.#on("RunCompleted", (event, database) => this.#end(event, database, "succeeded"));
    this.#on("RunFailed", (event, database) => {
      this.#metrics.failures.inc({ database, code: event.data.error.code });
      this.#end(event, database, "failed");
    });
    this.#on("RunCancelled", (event, database) => this.#end(event, database, "cancelled"));
    this.#on("RunRejected", (event, database) => this.#end(event, database, "rejected"));
  }

  #countSteps(): void {
    const { steps, stepSeconds } = this.#metrics;
    const committed = { StepApplied: "applied", StepReverted: "reverted" } as const;
    for (const type of ["StepApplied", "StepReverted"] as const)
      this.#on(type, ({ data: { direction, durationMs } }, database) => {
        steps.inc({ database, direction, status: committed[type] });
        stepSeconds.observe({ database, direction }, durationMs / 1000);
      });
    const undone = {
      StepFailed: "failed",
      StepAborted: "aborted",
      StepUnknown: "unknown",
    } as const;
    for (const type of ["StepFailed", "StepAborted", "StepUnknown"] as const)
      this.#on(type, ({ data: { direction } }, database) =>
        steps.inc({ database, direction, status: undone[type] }),
      );
  }

  #countSchedules(): void {
    const { firings, missed } = this.#metrics;
    this.#on("ScheduleCompleted", ({ data: { scheduleId, status } }, database) =>
      firings.inc({ database, schedule: this.#nameOf.schedule(scheduleId), status }),
    );
    this.#on("ScheduleMissed", ({ data: { scheduleId, count } }, database) =>
      missed.inc({ database, schedule: this.#nameOf.schedule(scheduleId) }, count),
    );
  }

  #countTheRest(): void {
    const { failures, refused } = this.#metrics;
    for (const type of ["BackupFailed", "BackupVerificationFailed", "RestoreFailed"] as const)
      this.#on(type, ({ data: { error } }, database) =>
        failures.inc({ database, code: error.code }),
      );
    this.#on("AccessRefused", ({ data: { code, repeated = 1 } }) =>
      refused.inc({ code }, repeated),
    );
  }

  #countDeliveries(): void {
    const { alertDeliveries, alertsRaised } = this.#metrics;
    this.#on("AlertRaised", ({ data: { code, severity } }) => alertsRaised.inc({ code, severity }));
    const count = (targetId: string, outcome: string): void =>
      alertDeliveries.inc({ target: this.#nameOf.target(targetId), outcome });
    this.#on("AlertDelivered", ({ data }) => count(data.targetId, "delivered"));
    this.#on("AlertDeliveryFailed", ({ data }) =>
      count(data.targetId, data.retryAt === undefined ? "given-up" : "failed"),
    );
  }

  #end(
    { data: { runId }, time }: { readonly data: { readonly runId: string }; readonly time: string },
    database: string,
    status: string,
  ): void {
    const begun = this.#begun.get(runId);
    this.#begun.delete(runId);
    const kind = begun?.kind ?? "migrate";
    this.#metrics.runs.inc({ database, kind, status });
    if (begun === undefined) return;
    const seconds = (Date.parse(time) - begun.at) / 1000;
    this.#metrics.runSeconds.observe({ database, kind }, Math.max(0, seconds));
  }
}
