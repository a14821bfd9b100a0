import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Seconds: from a small step to a rebuild of a large table. */
const DURATIONS = [0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200];
const REQUEST_DURATIONS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 60];

/** Everything that is exposed for Prometheus, and nothing else: names are a public interface. */
export class Metrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];

  readonly events = this.#counter("events_total", "Events appended since the start", ["type"]);
  readonly runs = this.#counter("runs_total", "Runs that ended, by how", [
    "database",
    "kind",
    "status",
  ]);
  readonly runSeconds = this.#histogram("run_duration_seconds", "From begin to end of a run", [
    "database",
    "kind",
  ]);
  readonly steps = this.#counter("steps_total", "Steps that ended, by how", [
    "database",
    "direction",
    "status",
  ]);
  readonly stepSeconds = this.#histogram("step_duration_seconds", "How long committed steps took", [
    "database",
    "direction",
  ]);
  readonly failures = this.#counter("failures_total", "Failures, by problem code", [
    "database",
    "code",
  ]);
  readonly refused = this.#counter("access_refused_total", "Refused requests, by code", ["code"]);
  readonly limited = this.#counter(
    "requests_limited_total",
    "Requests refused because there were too many, by code",
    ["code"],
  );
  readonly openRuns = this.#gauge("runs_open", "Runs that have not ended", ["database", "status"]);
  readonly pending = this.#gauge("migrations_pending", "Registered migrations not applied", [
    "database",
  ]);
  readonly waitingJobs = this.#gauge(
    "jobs_waiting",
    "Work on a database that waits for the work before it",
    ["database"],
  );
  readonly approvalsOldest = this.#gauge(
    "approvals_oldest_seconds",
    "How long the first run, restore or change of policy has waited for approvals; 0: none",
    ["database"],
  );
  readonly drift = this.#gauge("database_drift", "1: the schema is not the ledger's", ["database"]);
  readonly quarantine = this.#gauge("database_quarantined", "1: nothing may run", ["database"]);
  readonly openIntents = this.#gauge("intents_open", "Intents without an outcome", ["database"]);
  readonly backupAge = this.#gauge("backup_age_seconds", "Since the newest backup was begun", [
    "database",
  ]);
  readonly verifiedAge = this.#gauge(
    "backup_verified_age_seconds",
    "Since the newest verification of a backup",
    ["database"],
  );
  readonly backupBytes = this.#gauge("backup_bytes", "Size of the newest backup's content", [
    "database",
  ]);
  readonly backupStoredBytes = this.#gauge("backup_stored_bytes", "What the newest backup added", [
    "database",
  ]);
  readonly checkAge = this.#gauge("check_age_seconds", "Since the newest integrity check began", [
    "database",
  ]);
  readonly checkFailed = this.#gauge("check_failed", "1: the newest integrity check failed", [
    "database",
  ]);
  readonly reviews = this.#gauge("emergency_reviews_open", "Emergencies that nobody reviewed", [
    "database",
  ]);
  readonly reviewsOverdue = this.#gauge(
    "emergency_reviews_overdue",
    "Emergencies whose review is overdue",
    ["database"],
  );
  readonly firings = this.#counter(
    "schedule_firings_total",
    "Work by schedule that ended, by how",
    ["database", "schedule", "status"],
  );
  readonly missed = this.#counter("schedule_missed_total", "Due times that were missed", [
    "database",
    "schedule",
  ]);
  readonly scheduleFailures = this.#gauge(
    "schedule_failures",
    "Firings of a schedule since one that ended well",
    ["database", "schedule"],
  );
  readonly scheduleAge = this.#gauge(
    "schedule_last_success_age_seconds",
    "Since the work of a schedule last ended well",
    ["database", "schedule"],
  );
  readonly schedulePaused = this.#gauge("schedule_paused", "1: the schedule rests", [
    "database",
    "schedule",
  ]);
  readonly alertsRaised = this.#counter("alerts_raised_total", "Alerts raised since the start", [
    "code",
    "severity",
  ]);
  readonly alertsOpen = this.#gauge("alerts_open", "Troubles told of that last", ["code"]);
  readonly alertDeliveries = this.#counter(
    "alert_deliveries_total",
    "Attempts to tell a target of an alert, by outcome",
    ["target", "outcome"],
  );
  readonly alertsQueued = this.#gauge("alerts_queued", "Alerts that wait to be sent", ["target"]);
  readonly alertsOldest = this.#gauge(
    "alerts_oldest_seconds",
    "How long the first of them has waited; 0: none waits",
    ["target"],
  );
  readonly alertsDead = this.#gauge("alerts_dead", "Alerts that were given up", ["target"]);
  /** Set anew at each reading: what was retired or removed leaves nothing behind. */
  readonly named: readonly Gauge[] = [
    this.openRuns,
    this.pending,
    this.waitingJobs,
    this.approvalsOldest,
    this.drift,
    this.quarantine,
    this.openIntents,
    this.backupAge,
    this.verifiedAge,
    this.backupBytes,
    this.backupStoredBytes,
    this.checkAge,
    this.checkFailed,
    this.reviews,
    this.reviewsOverdue,
    this.scheduleFailures,
    this.scheduleAge,
    this.schedulePaused,
    this.alertsQueued,
    this.alertsOldest,
    this.alertsDead,
    this.alertsOpen,
  ];
  readonly ledgerSize = this.#gauge("ledger_events", "Number of events in the ledger", []);
  readonly checkpointLag = this.#gauge(
    "checkpoint_lag_events",
    "Events that the newest signed checkpoint does not cover yet",
    [],
  );
  readonly checkpointAge = this.#gauge(
    "checkpoint_age_seconds",
    "How long ago this process first saw the newest signed checkpoint",
    [],
  );
  readonly anchorsBehind = this.#gauge(
    "anchors_behind_seconds",
    "How long a witness, export or time stamp has lagged behind; 0: none does",
    [],
  );
  readonly anchorAge = this.#gauge(
    "anchor_age_seconds",
    "Since a witness, export or time stamp last took a checkpoint from this process",
    ["anchor"],
  );
  readonly readerBehind = this.#gauge(
    "reader_behind_events",
    "Events in the ledger that a read-only server does not show yet; 0 where it is written",
    [],
  );
  readonly readerLookAge = this.#gauge(
    "reader_look_age_seconds",
    "Since a read-only server last looked into the ledger; 0 where it is written",
    [],
  );
  readonly health = this.#gauge(
    "health",
    "What /readyz says of each check: 0 ok, 1 degraded, 2 failed",
    ["check"],
  );
  readonly executorDeaths = this.#counter(
    "executor_deaths_total",
    "Executor processes that died or were killed; others take their place",
    ["code"],
  );
  readonly executors = this.#gauge("executor_children", "Executor processes", ["state"]);
  readonly requestSeconds = new Histogram({
    name: "schemaledger_http_request_duration_seconds",
    help: "How long requests took",
    labelNames: ["route", "method", "status"],
    buckets: REQUEST_DURATIONS,
    registers: this.#registers,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: "schemaledger_" });
    // Gauges whose names say counter: promtool refuses them.
    for (const what of ["handles", "requests", "resources"])
      this.registry.removeSingleMetric(`schemaledger_nodejs_active_${what}_total`);
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({
      name: `schemaledger_${name}`,
      help,
      labelNames,
      registers: this.#registers,
    });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({
      name: `schemaledger_${name}`,
      help,
      labelNames,
      registers: this.#registers,
    });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({
      name: `schemaledger_${name}`,
      help,
      labelNames,
      buckets: DURATIONS,
      registers: this.#registers,
    });
  }
}
