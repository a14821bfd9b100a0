import type { DomainEvent, EventData, EventType } from "../events.ts";
import type { Failure } from "../shared/errors.ts";
import type { Undertaking } from "../state/undertaking.ts";
import type { DatabaseState, LedgerState } from "../state/state.ts";
import { aboutOf, emergencyAlert } from "./about.ts";
import type { AlertEvents } from "./events.ts";

export type Alert = AlertEvents["AlertRaised"];

/** What a rule may look at beside the event: everything is as it was before it. */
export interface Surroundings {
  readonly state: LedgerState;
  /** Of whose stream the event is. */
  readonly database: DatabaseState | undefined;
  /** Its name, for people. */
  readonly name: string;
  /** RFC 3339. */
  readonly now: string;
}

type Rule<T extends EventType> = (data: EventData[T], around: Surroundings) => Alert | undefined;
/** A restore names the run that it belongs to, too: it is about the restore. */
const withoutRun = ({ runId: _run, ...data }: EventData["RestoreRequested"]) => data;
type Rules = { readonly [T in EventType]?: Rule<T> };

/**
 * Which events somebody should be told of: one entry a type. An alert's id names the trouble, not
 * the event, so that receivers see when it is the same again.
 */
const RULES: Rules = {
  RunFailed: ({ runId, error, outcome }, { name }) => ({
    alertId: `run:${runId}`,
    code: "run-failed",
    severity: outcome === "untouched" ? "warning" : "critical",
    message: `A run on ${name} failed (${OUTCOMES[outcome]}): ${error.message}`,
    ...hintOf(error),
    about: { kind: "run", id: runId },
  }),
  RunRequested: (data, { name }) => emergencyAlert("emergency-run", data, name),
  RestoreRequested: (data, { name }) => emergencyAlert("emergency-restore", withoutRun(data), name),
  PolicyChangeRequested: (data, { name }) => emergencyAlert("emergency-policy-change", data, name),
  RunScheduled: (data, around) => missedWindow(data, around.state.runs.get(data.runId), around),
  RestoreScheduled: (data, around) =>
    missedWindow(data, around.state.restores.get(data.restoreId), around),
  // What is only counted further was told with the first.
  ApprovalRefused: ({ code, decision, repeated, ...concerns }, { name }) => {
    if (repeated !== undefined || (code !== "self-approval" && code !== "author-approval"))
      return undefined;
    const { about, words } = aboutOf(concerns);
    return {
      alertId: `${code}:${about.id}`,
      code,
      severity: "warning",
      message: `Somebody involved in a ${words} ${name} tried to ${decision} it`,
      hint: "GET /v1/audit/events?type=ApprovalRefused&order=desc names who",
      about,
    };
  },
  MigrationRefused: ({ version, code, repeated }, { database, name }) =>
    database === undefined || repeated !== undefined
      ? undefined
      : {
          alertId: `migration-refused:${database.id}:${version}`,
          code: "migration-refused",
          severity: "warning",
          message: `Somebody tried to register version ${version} of ${name}, which was refused (${code})`,
          hint: "GET /v1/audit/events?type=MigrationRefused&order=desc names who",
          about: { kind: "database", id: database.id },
        },
  RecoveryStarted: ({ attempts, reason }, { database, name }) =>
    attempts.length === 0 || reason === "after-failure" || database === undefined
      ? undefined
      : {
          alertId: `interrupted:${attempts[0]}`,
          code: "recovery-happened",
          severity: "warning",
          message: `Work on ${name} was interrupted; recovery finds out what became of it`,
          hint: `GET /v1/runs?database=${name} shows how it ended`,
          about: { kind: "database", id: database.id },
        },
  DatabaseQuarantined: ({ code, reason }, { database, name }) =>
    database === undefined
      ? undefined
      : {
          alertId: `quarantine:${database.id}`,
          code: "database-quarantined",
          severity: "critical",
          message: `${name} is quarantined, nothing runs on it any more (${code}): ${reason}`,
          hint: `GET /v1/databases/${name} names the way out`,
          about: { kind: "database", id: database.id },
        },
  DriftDetected: ({ found }, { database, name }) =>
    database === undefined || database.drift?.found === found
      ? undefined
      : {
          alertId: `drift:${database.id}:${found}`,
          code: "drift-detected",
          severity: "warning",
          message: `The schema of ${name} was changed past the ledger`,
          hint: `GET /v1/databases/${name}/schema/diff shows what; adopt it or revert it`,
          about: { kind: "database", id: database.id },
        },
  BackupFailed: ({ backupId, error }, { name }) => ({
    alertId: `backup:${backupId}`,
    code: "backup-failed",
    severity: "critical",
    message: `A backup of ${name} failed: ${error.message}`,
    ...hintOf(error),
    about: { kind: "backup", id: backupId },
  }),
  BackupVerificationFailed: ({ backupId, error }, { name }) => ({
    alertId: `backup:${backupId}`,
    code: "backup-damaged",
    severity: "critical",
    message: `A backup of ${name} cannot be relied on any more: ${error.message}`,
    hint: "Take a new backup now, and check the disk that holds the backups",
    about: { kind: "backup", id: backupId },
  }),
  LedgerBackupFailed: ({ backupId, error }) => ({
    alertId: `backup:${backupId}`,
    code: "ledger-backup-failed",
    severity: "critical",
    message: `A backup of the ledger itself failed: ${error.message}`,
    ...hintOf(error),
    about: { kind: "ledger", id: backupId },
  }),
  RestoreFailed: ({ restoreId, error, state: left }, { name }) => ({
    alertId: `restore:${restoreId}`,
    code: "restore-failed",
    severity: left === "unknown" ? "critical" : "warning",
    message: `A restore of ${name} failed (${left}): ${error.message}`,
    ...hintOf(error),
    about: { kind: "restore", id: restoreId },
  }),
  DatabaseRecoveryCompleted: ({ recoveryId, window }, { name }) =>
    window === undefined
      ? undefined
      : {
          alertId: `recovery:${recoveryId}`,
          code: "data-may-be-lost",
          severity: "critical",
          message: `${name} was recovered; what was written from ${window.from} to ${window.to} may be lost`,
          hint: `GET /v1/recoveries/${recoveryId} lists the tables, and what could be kept`,
          about: { kind: "recovery", id: recoveryId },
        },
  IntegrityCheckCompleted: ({ checkId, status, findings }, { database, name }) =>
    status === "passed" || database === undefined
      ? undefined
      : {
          alertId: `integrity:${database.id}`,
          code: status === "failed" ? "integrity-check-failed" : "integrity-check-aborted",
          severity: status === "failed" ? "critical" : "warning",
          message: `An integrity check of ${name} ${status}: ${findings.find(({ severity }) => severity === "error")?.message ?? "see the check"}`,
          hint: `GET /v1/integrity-checks/${checkId} lists what it found`,
          about: { kind: "check", id: checkId },
        },
  PruneFailed: ({ pruneId, error }, { name }) => ({
    alertId: `prune:${pruneId}`,
    code: "prune-failed",
    severity: "warning",
    message: `Backups of ${name} could not be pruned: ${error.message}`,
    ...hintOf(error),
    about: { kind: "prune", id: pruneId },
  }),
  AlertDeliveryFailed: ({ targetId, alert, error, retryAt }, { state }) => {
    const target = state.alertTargets.get(targetId);
    const queued = target?.queue.find((one) => one.alert === alert);
    // Not of a message that says the same of another target: two that are dead would write for ever.
    const isNews = queued !== undefined && queued.code !== UNDELIVERED && target!.dead.length === 0;
    if (retryAt !== undefined || !isNews) return undefined;
    return {
      alertId: `target:${targetId}`,
      code: UNDELIVERED,
      severity: "warning",
      message: `${target!.settings.name} could not be told of an alert: ${error.message}`,
      hint: `GET /v1/alert-targets/${targetId}/dead-letters lists what it missed`,
      about: { kind: "target", id: targetId },
    };
  },
};

const UNDELIVERED = "alert-not-delivered";

/** It could have begun in a window, did not, and waits for the next. */
function missedWindow(
  { at, cause, ...concerns }: EventData["RunScheduled"] | EventData["RestoreScheduled"],
  one: Undertaking | undefined,
  { name, now }: Surroundings,
): Alert | undefined {
  const before = one?.scheduled ?? null;
  if (before === null || cause !== "window" || before.at >= at || before.at > now) return undefined;
  const { about, words, place } = aboutOf(concerns);
  return {
    alertId: `window:${about.id}:${before.at}`,
    code: "window-missed",
    severity: "warning",
    message: `A ${words} ${name} that could have begun at ${before.at} did not, and waits until ${at}`,
    hint: `GET /v1/${place}/${about.id} says what it waits for`,
    about,
  };
}

const OUTCOMES: { readonly [outcome in EventData["RunFailed"]["outcome"]]: string } = {
  untouched: "the database was not touched",
  kept: "the steps applied before it stay",
  reverted: "its steps were reverted",
  restored: "the backup was restored",
  unknown: "what became of it is not known",
};

const hintOf = ({ hint }: Failure): { readonly hint?: string } =>
  hint === undefined ? {} : { hint };

/** The alert that an event calls for, if it does. */
export function alertOf(event: DomainEvent, around: Surroundings): Alert | undefined {
  const rule = RULES[event.type] as Rule<EventType> | undefined;
  const alert = rule?.(event.data, around);
  return alert === undefined ? undefined : { ...alert, cause: event.type };
}
