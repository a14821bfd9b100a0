import { versionOf } from "../../domain/migration/plan.ts";
import type { DatabaseState, LedgerState } from "../../domain/state/state.ts";

type DatabaseStatus = "ready" | "running" | "quarantined" | "retired";

/** A database, as the API shows it. */
export const databaseView = (database: DatabaseState, state: LedgerState): object => ({
  id: database.id,
  name: database.name,
  engine: database.engine,
  url: database.url,
  status: statusOf(database, state),
  version: versionOf(database),
  fingerprint: database.fingerprint,
  engineVersion: database.engineVersion,
  pending: [...database.migrations.values()].filter(({ state: is }) => is !== "applied").length,
  lastRun: lastRun(database, state),
  lastBackup: lastBackup(database, state),
  lastCheck: lastCheck(database, state),
  drift: database.drift,
  quarantine: quarantineView(database),
  policy: database.policy,
  incarnation: database.incarnation,
  openRuns: [...database.openRuns],
  registeredAt: database.registered.time,
  retiredAt: database.retired?.time ?? null,
  eventIndex: database.registered.index,
});

function statusOf(database: DatabaseState, state: LedgerState): DatabaseStatus {
  if (database.retired !== null) return "retired";
  if (database.quarantine !== null) return "quarantined";
  const running = [...database.openRuns].some((id) => state.runs.get(id)?.status === "running");
  return running ? "running" : "ready";
}

/** With the error and its hint: what to do about a database is seen at the database. */
function lastRun({ lastRun: id }: DatabaseState, state: LedgerState): object | null {
  const run = id === null ? undefined : state.runs.get(id);
  if (run === undefined) return null;
  const { status, outcome, error } = run;
  return { id: run.id, status, outcome, error, at: run.ended?.time ?? null };
}

function lastBackup({ lastBackup: id }: DatabaseState, state: LedgerState): object | null {
  const backup = id === null ? undefined : state.backups.get(id);
  if (backup === undefined) return null;
  return {
    id: backup.id,
    status: backup.status,
    verifiedAt: backup.verified?.time ?? null,
    bytes: backup.facts?.bytes ?? null,
  };
}

function lastCheck({ lastCheck: id }: DatabaseState, state: LedgerState): object | null {
  const check = id === null ? undefined : state.checks.get(id);
  if (check === undefined) return null;
  return { id: check.id, status: check.status, at: (check.ended ?? check.started).time };
}

function quarantineView({ quarantine, name }: DatabaseState): object | null {
  if (quarantine === null) return null;
  return {
    ...quarantine,
    hint: `Look into the reason; bring a verified backup back with POST /v1/databases/${name}/restores`,
  };
}
