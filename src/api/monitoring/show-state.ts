import type { BackupState, DatabaseState, LedgerState } from "../../domain/state/state.ts";
import { emergencies, isPatient, type Undertaking } from "../../domain/state/undertaking.ts";
import type { Metrics } from "../../infra/telemetry/metrics.ts";

/** Sets the gauges from the state as it is now. */
export function showState(
  metrics: Metrics,
  state: LedgerState,
  now: number,
  waiting: (databaseId: string) => number,
): void {
  const { openRuns, pending, drift, quarantine, openIntents, reviews, reviewsOverdue } = metrics;
  for (const gauge of metrics.named) gauge.reset();
  metrics.ledgerSize.set(state.size);
  for (const database of state.databases.values()) {
    if (database.retired !== null) continue;
    const labels = { database: database.name };
    const { migrations, openAttempts, openBackups, openRestores, openChecks } = database;
    pending.set(labels, [...migrations.values()].filter((one) => one.state !== "applied").length);
    drift.set(labels, database.drift === null ? 0 : 1);
    quarantine.set(labels, database.quarantine === null ? 0 : 1);
    // What waits for people or its time has not begun anything.
    const restores = [...openRestores].map((id) => state.restores.get(id));
    const begun = restores.filter((one) => one?.started !== null || !isPatient(one)).length;
    const intents = openAttempts.size + openBackups.size + begun + openChecks.size;
    openIntents.set(labels, intents);
    metrics.waitingJobs.set(labels, waiting(database.id));
    metrics.approvalsOldest.set(labels, oldestApproval(state, database, now));
    for (const id of database.openRuns) {
      const status = state.runs.get(id)?.status;
      if (status !== undefined) openRuns.inc({ ...labels, status });
    }
    showReviews(state, database, now, reviews, reviewsOverdue);
    showBackups(metrics, state, database, now);
    showCheck(metrics, state, database, now);
  }
  showSchedules(metrics, state, now);
  showAlerts(metrics, state, now);
}

/** Of whatever waits for people: runs, restores, changes of the policy. */
function oldestApproval(
  { runs, restores, policyChanges }: LedgerState,
  { openRuns, openRestores, openPolicyChanges }: DatabaseState,
  now: number,
): number {
  const open: (Undertaking | undefined)[] = [
    ...[...openRuns].map((id) => runs.get(id)),
    ...[...openRestores].map((id) => restores.get(id)),
    ...[...openPolicyChanges].map((id) => policyChanges.get(id)),
  ];
  const ages = open.flatMap((one) =>
    one?.status === "awaiting-approval" ? [since(one.requested.time, now)] : [],
  );
  return Math.max(0, ...ages);
}

function showAlerts(metrics: Metrics, state: LedgerState, now: number): void {
  for (const { settings, queue, dead } of state.alertTargets.values()) {
    const labels = { target: settings.name };
    metrics.alertsQueued.set(labels, queue.length);
    metrics.alertsOldest.set(labels, queue[0] === undefined ? 0 : since(queue[0].since, now));
    metrics.alertsDead.set(labels, dead.length);
  }
  for (const { code } of state.openAlerts.values()) metrics.alertsOpen.inc({ code });
}

function showSchedules(metrics: Metrics, state: LedgerState, now: number): void {
  for (const { databaseId, schedule, failures, lastSucceeded } of state.schedules.values()) {
    const database = state.databases.get(databaseId);
    if (database === undefined || database.retired !== null) continue;
    const labels = { database: database.name, schedule: schedule.name };
    metrics.scheduleFailures.set(labels, failures);
    metrics.schedulePaused.set(labels, schedule.paused ? 1 : 0);
    if (lastSucceeded !== null) metrics.scheduleAge.set(labels, since(lastSucceeded.time, now));
  }
}

const since = (time: string, now: number): number => Math.max(0, (now - Date.parse(time)) / 1000);

function showReviews(
  state: LedgerState,
  { id, name: database }: DatabaseState,
  now: number,
  open: Metrics["reviews"],
  overdue: Metrics["reviewsOverdue"],
): void {
  const waiting = emergencies(state).filter(
    ({ databaseId, review }) => databaseId === id && review === null,
  );
  const late = waiting.filter(({ reviewBy }) => reviewBy !== null && Date.parse(reviewBy) < now);
  open.set({ database }, waiting.length);
  overdue.set({ database }, late.length);
}

/** No backup yet: no age, so that an alert on absence tells a young database from an old backup. */
function showBackups(
  metrics: Metrics,
  state: LedgerState,
  { id, name: database, lastBackup }: DatabaseState,
  now: number,
): void {
  const newest = lastBackup === null ? undefined : state.backups.get(lastBackup);
  if (newest?.facts != null) {
    metrics.backupAge.set({ database }, since(newest.started.time, now));
    metrics.backupBytes.set({ database }, newest.facts.bytes);
    metrics.backupStoredBytes.set({ database }, newest.facts.storedBytes);
  }
  const verified = [...state.backups.values()]
    .filter((backup: BackupState) => backup.databaseId === id)
    .flatMap((backup) => (backup.verified === null ? [] : [Date.parse(backup.verified.time)]));
  if (verified.length > 0)
    metrics.verifiedAge.set({ database }, Math.max(0, (now - Math.max(...verified)) / 1000));
}

function showCheck(
  metrics: Metrics,
  state: LedgerState,
  { name: database, lastCheck }: DatabaseState,
  now: number,
): void {
  const check = lastCheck === null ? undefined : state.checks.get(lastCheck);
  if (check === undefined) return;
  metrics.checkAge.set({ database }, since(check.started.time, now));
  metrics.checkFailed.set({ database }, check.status === "failed" ? 1 : 0);
}
