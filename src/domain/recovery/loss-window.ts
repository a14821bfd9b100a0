import type { TableRows } from "../migration/events.ts";
import type { BackupState, RestoreState } from "../state/state.ts";
import type { LossInTable, LossWindow } from "./events.ts";

/** What may be lost: everything written between the backup and the restore. */
export function lossWindow(
  backup: BackupState,
  restore: RestoreState,
  backups: readonly BackupState[],
): LossWindow {
  const restored = restore.facts?.rowsAfter ?? {};
  return {
    from: (backup.completed ?? backup.started).time,
    to: (restore.ended ?? restore.requested).time,
    tables: tablesOf(restored, lastKnownRows(restore, backups)),
    safetyBackupId: restore.safetyBackupId,
  };
}

/** Counted just before the restore; if nothing could be counted then, in the newest backup. */
function lastKnownRows({ facts }: RestoreState, backups: readonly BackupState[]): TableRows {
  const before = facts?.rowsBefore ?? {};
  if (Object.keys(before).length > 0) return before;
  const counted = backups.filter(({ kind, facts: of }) => kind === "full" && of !== null);
  const newest = counted.toSorted((a, b) => b.started.index - a.started.index)[0];
  return newest?.facts?.rows ?? {};
}

function tablesOf(restored: TableRows, lastKnown: TableRows): LossInTable[] {
  const names = new Set([...Object.keys(restored), ...Object.keys(lastKnown)]);
  return [...names].toSorted().map((table) => ({
    table,
    restored: restored[table] ?? 0,
    lastKnown: lastKnown[table] ?? null,
  }));
}
