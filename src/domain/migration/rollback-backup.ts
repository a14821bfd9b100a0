import type { MigrationState } from "../state/migration-state.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import { appliedIn } from "./applied-versions.ts";
import type { PlannedStep } from "./events.ts";

/** The newest verified full backup whose applied versions are exactly those to be left. */
export function rollbackBackup(
  database: DatabaseState,
  steps: readonly Pick<PlannedStep, "version">[],
  backups: Iterable<BackupState>,
): BackupState | undefined {
  const undone = new Set(steps.map(({ version }) => version));
  const left = appliedIn(database).filter((version) => !undone.has(version));
  const isAdopted = ({ applied }: MigrationState): boolean => applied?.runId === null;
  const adopted = [...database.migrations.values()].filter(isAdopted);
  // No backup is from before what another tool did; one from before the adoption does not say it.
  const since = Math.max(-1, ...adopted.map(({ adopted: from }) => from?.index ?? -1));
  return [...backups].findLast(
    (backup) =>
      backup.databaseId === database.id &&
      backup.kind === "full" &&
      backup.status === "verified" &&
      backup.started.index > since &&
      !adopted.some(({ version }) => undone.has(version)) &&
      sameSet(backup.facts?.applied ?? [], left),
  );
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((entry) => b.includes(entry));
