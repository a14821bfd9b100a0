import type { BackupState } from "../state/state.ts";

/** Which backups of a database are kept. Only what none of the rules keeps may go. */
export interface Retention {
  /** The newest ones. */
  readonly keepLast?: number;
  /** The newest of each of so many days, ISO weeks, months (UTC) that have one. */
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  /** Verified ones that are kept whatever the other rules say. Default 1, and never less. */
  readonly minVerified?: number;
  /** Nothing of this database is pruned. */
  readonly legalHold?: boolean;
  /** Prune after each run that succeeded. */
  readonly cleanupAfterSuccess?: boolean;
}

/** Why a backup is kept. */
export type KeptBecause =
  | "last-verified"
  | "keep-last"
  | "daily"
  | "weekly"
  | "monthly"
  | "legal-hold"
  | "in-use"
  | "newer-than-kept";

/** Why a backup may go. */
export type PrunedBecause = "not-retained" | "superseded" | "damaged";

export interface RetainedBackup {
  readonly backup: BackupState;
  readonly kept: readonly KeptBecause[];
  /** Null while anything keeps it. */
  readonly pruned: PrunedBecause | null;
}

/** What else keeps backups from going. */
export interface Holds {
  /** Nothing of the database may go. */
  readonly all: boolean;
  readonly held: ReadonlySet<string>;
  /** Backups that open runs, restores or verifications need. */
  readonly inUse: ReadonlySet<string>;
}

/**
 * Says for each backup of one database that lies in the store whether it may go, and why. Pure.
 * Full verified backups are counted by the rules; what cannot bring a database back (tables, raw
 * copies, unverified and damaged ones) goes once it is older than the oldest of the newest ones.
 */
export function planRetention(
  retention: Retention,
  backups: readonly BackupState[],
  holds: Holds,
): readonly RetainedBackup[] {
  const stored = backups.filter(({ status }) => status !== "failed" && status !== "pruned");
  const counted = stored
    .filter(({ kind, status }) => kind === "full" && status === "verified")
    .toSorted((a, b) => completedIndex(b) - completedIndex(a));
  const rules = countedRules(retention, counted);
  const line = lineOf(retention, counted);
  return stored.map((backup) => {
    const kept = [
      ...(rules.get(backup.id) ?? []),
      ...(holds.all || holds.held.has(backup.id) ? ["legal-hold" as const] : []),
      ...(holds.inUse.has(backup.id) || backup.status === "running" ? ["in-use" as const] : []),
      ...(!counted.includes(backup) && backup.started.index >= line
        ? ["newer-than-kept" as const]
        : []),
    ];
    return { backup, kept, pruned: kept.length > 0 ? null : reasonOf(backup, counted) };
  });
}

/** Whether any rule says what is kept: without one nothing may go. */
export const hasRules = ({ keepLast, daily, weekly, monthly }: Retention): boolean =>
  [keepLast, daily, weekly, monthly].some((count) => count !== undefined && count > 0);

function countedRules(
  retention: Retention,
  counted: readonly BackupState[],
): ReadonlyMap<string, readonly KeptBecause[]> {
  const { keepLast = 0, daily = 0, weekly = 0, monthly = 0 } = retention;
  const kept = new Map<string, KeptBecause[]>();
  const keep = (backups: readonly BackupState[], why: KeptBecause): void => {
    for (const { id } of backups) kept.set(id, [...(kept.get(id) ?? []), why]);
  };
  keep(counted.slice(0, minVerifiedOf(retention)), "last-verified");
  keep(counted.slice(0, keepLast), "keep-last");
  keep(newestOfEach(counted, dayOf, daily), "daily");
  keep(newestOfEach(counted, weekOf, weekly), "weekly");
  keep(newestOfEach(counted, monthOf, monthly), "monthly");
  return kept;
}

export const minVerifiedOf = ({ minVerified = 1 }: Retention): number => Math.max(1, minVerified);

/** Everything that began before this event may be older than what brings the database back. */
function lineOf(retention: Retention, counted: readonly BackupState[]): number {
  const newest = Math.max(retention.keepLast ?? 0, minVerifiedOf(retention));
  return counted.slice(0, newest).at(-1)?.started.index ?? 0;
}

function reasonOf(backup: BackupState, counted: readonly BackupState[]): PrunedBecause {
  if (backup.status === "damaged") return "damaged";
  return counted.includes(backup) ? "not-retained" : "superseded";
}

function newestOfEach(
  newestFirst: readonly BackupState[],
  periodOf: (time: string) => string,
  periods: number,
): BackupState[] {
  const newest = new Map<string, BackupState>();
  for (const backup of newestFirst) {
    const period = periodOf(timeOf(backup));
    if (!newest.has(period)) newest.set(period, backup);
  }
  return [...newest.values()].slice(0, periods);
}

const completedIndex = ({ completed, started }: BackupState): number =>
  (completed ?? started).index;
const timeOf = ({ completed, started }: BackupState): string => (completed ?? started).time;
const dayOf = (time: string): string => time.slice(0, 10);
const monthOf = (time: string): string => time.slice(0, 7);

/** The Monday of the week: weeks of different years never have the same. */
function weekOf(time: string): string {
  const day = new Date(`${dayOf(time)}T00:00:00Z`);
  const sinceMonday = (day.getUTCDay() + 6) % 7;
  return new Date(day.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, 10);
}
