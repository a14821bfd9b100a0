import type { Inspection } from "../engine/database-engine.ts";
import type { Finding } from "../migration/events.ts";
import { inOrder } from "../migration/plan.ts";
import type { BackupState, DatabaseState, RunState } from "../state/state.ts";
import type { RecoveryEvents, RecoveryProcedure } from "./events.ts";

export type RecoveryPlan = Omit<RecoveryEvents["DatabaseRecoveryPlanned"], "recoveryId">;

/** What was found out about the database. */
export interface Diagnosis {
  readonly inspection: Inspection;
  /** Of the full check; what kept the database from being checked if it could not be. */
  readonly findings: readonly Finding[];
}

/** Findings that say that the content is damaged or is not the database's own any more. */
const BROKEN = new Set([
  "damaged",
  "database-damaged",
  "database-missing",
  "not-a-database",
  "not-registered",
  "markers-damaged",
  "marker-missing",
  "marker-unknown",
  "clone-or-foreign",
  "wrong-incarnation",
  "pages-changed",
]);

/**
 * Decides what is to be done. Pure. `lastRun` is the run that ended last. Which procedure is asked for counts only
 * where something is to be recovered from: a healthy database is never put back to a backup.
 */
export function planRecovery(
  database: DatabaseState,
  lastRun: RunState | undefined,
  backups: readonly BackupState[],
  diagnosis: Diagnosis,
  asked?: RecoveryProcedure,
): RecoveryPlan {
  const failed = failedRun(database, lastRun);
  const found = procedureOf(failed, diagnosis);
  const procedure = found === "none" ? found : (asked ?? found);
  const { findings } = diagnosis;
  const applied = appliedVersions(database);
  const exempt = isProvenBroken(database, found, procedure)
    ? ({ exempt: "database-broken" } as const)
    : {};
  if (procedure === "none") return { procedure, findings, candidates: [], versions: applied };
  const newestFirst = restorable(backups);
  if (procedure === "corruption" || failed === undefined)
    return { procedure, findings, candidates: idsOf(newestFirst), versions: applied, ...exempt };
  const before = newestFirst.filter(({ started }) => started.index < failed.requested.index);
  const own = newestFirst.filter(({ id }) => id === failed.backupId);
  const changed = new Set(failed.steps.map(({ version }) => version));
  return {
    procedure,
    findings,
    failedRunId: failed.id,
    candidates: idsOf([...own, ...before]),
    versions: own[0]?.facts?.applied ?? applied.filter((version) => !changed.has(version)),
    ...exempt,
  };
}

/**
 * Losing nothing comes before asking: what is broken is brought back at once. That holds for what was
 * found, and for the procedure that fits it: whoever names another one chooses, and is asked as anybody.
 */
const isProvenBroken = (
  { quarantine }: DatabaseState,
  found: RecoveryPlan["procedure"],
  procedure: RecoveryPlan["procedure"],
): boolean =>
  found === procedure &&
  (found === "corruption" || (found === "failed-migration" && quarantine !== null));

function procedureOf(
  failed: RunState | undefined,
  { inspection, findings }: Diagnosis,
): RecoveryProcedure | "none" {
  const broken = findings.some(({ severity, code }) => severity === "error" && BROKEN.has(code));
  if (!inspection.exists || broken) return "corruption";
  return failed === undefined ? "none" : "failed-migration";
}

/** A run that left the database between two versions, or whose step nobody can vouch for. */
function failedRun(database: DatabaseState, lastRun: RunState | undefined): RunState | undefined {
  if (lastRun?.status !== "failed" && lastRun?.status !== "cancelled") return undefined;
  const { migrations, openAttempts, quarantine } = database;
  // A restore since then has taken its steps back.
  const halfway = lastRun.steps.some(
    ({ version }) => migrations.get(version)?.applied?.runId === lastRun.id,
  );
  const unknown = [...openAttempts.values()].some(({ runId }) => runId === lastRun.id);
  return halfway || unknown || quarantine !== null ? lastRun : undefined;
}

/** Of what other tools applied, nothing can be applied again. */
const appliedVersions = (database: DatabaseState): string[] =>
  inOrder(database)
    .filter(({ state, applied }) => state === "applied" && applied?.runId !== null)
    .map(({ version }) => version);

const restorable = (backups: readonly BackupState[]): BackupState[] =>
  backups
    .filter(({ kind, status }) => kind === "full" && status === "verified")
    .toSorted((a, b) => (b.completed?.index ?? 0) - (a.completed?.index ?? 0));

const idsOf = (backups: readonly BackupState[]): string[] => backups.map(({ id }) => id);
