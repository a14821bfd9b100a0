import type { Inspection } from "../engine/database-engine.ts";
import type { EventOf } from "../events.ts";
import type { Finding } from "../migration/events.ts";
import { DomainError, type Failure } from "../shared/errors.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { RecoveryState } from "../state/safekeeping-state.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";

/** Damage of the backup itself: the next one is tried. */
const UNUSABLE = new Set([
  "backup-damaged",
  "backup-differs",
  "backup-not-found",
  "backup-manifest-damaged",
  "backup-unreadable",
]);

/** Whether another backup may do better. */
export const isBackupsFault = ({ error }: RestoreState): boolean => UNUSABLE.has(error?.code ?? "");

/** The restore's own failure, thrown on. */
export const restoreFailed = ({ id, error }: RestoreState): DomainError =>
  new DomainError(
    error?.code ?? "restore-failed",
    `Restore ${id} failed: ${error?.message ?? "its outcome is not known"}`,
    { hint: error?.hint },
  );

/** Everything is found out, and nothing may be replaced yet. */
export const awaitsRestore = ({ id, status }: RestoreState): DomainError =>
  new DomainError(
    "recovery-awaits-restore",
    `Restore ${id}, which brings the backup back, is ${status}`,
    {
      hint: "Decide on the restore (POST /v1/restores/{restore}/approvals); it is carried out then, and a run applies what is pending afterwards",
    },
  );

/** What keeps the database from being looked at, as a finding. */
export function problemOf({ exists, problem }: Inspection): Finding {
  if (!exists) return { severity: "error", code: "database-missing", message: "The file is gone" };
  const { code, message, hint } = problem!;
  return { severity: "error", code, message, ...withoutAbsent({ hint }) };
}

/** Somebody must be told: the database is not back. */
export const alertOf = (
  { name }: DatabaseState,
  { id }: RecoveryState,
  { message, hint }: Failure,
): EventOf<"AlertRaised"> => ({
  type: "AlertRaised",
  data: {
    alertId: `recovery:${id}`,
    code: "recovery-failed",
    severity: "critical",
    message: `${name} could not be recovered: ${message}`,
    ...withoutAbsent({ hint }),
    about: { kind: "recovery", id },
  },
});
