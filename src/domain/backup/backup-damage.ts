import type { DomainEvent } from "../events.ts";
import type { Failure } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";

/** Codes of failures that speak of the stored backup itself, not of the attempt to read it. */
const DAMAGE = new Set(["backup-damaged", "backup-differs", "backup-not-found"]);

export const isDamage = ({ code }: Failure): boolean => DAMAGE.has(code);

/** The backup is never chosen again, and somebody is told. */
export const damageEvents = (
  { name }: DatabaseState,
  backupId: string,
  error: Failure,
): DomainEvent[] => [
  { type: "BackupVerificationFailed", data: { backupId, error } },
  {
    type: "AlertRaised",
    data: {
      alertId: `backup:${backupId}`,
      code: "backup-damaged",
      severity: "critical",
      message: `A backup of ${name} cannot be relied on any more: ${error.message}`,
      hint: "Take a new backup now, and check the disk that holds the backups",
      about: { kind: "backup", id: backupId },
    },
  },
];
