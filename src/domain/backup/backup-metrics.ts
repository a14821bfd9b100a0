import { Durations, type DurationSummary } from "../audit/durations.ts";
import type { BackupState } from "../state/state.ts";
import type { BackupStatus } from "../state/statuses.ts";

/** What backups amount to. */
export interface BackupMetrics {
  readonly count: number;
  readonly byStatus: { readonly [status in BackupStatus]: number };
  /** Of those that are in the store: what they are backups of, and what they added to it. */
  readonly bytes: number;
  readonly storedBytes: number;
  /** How many times smaller the store is; null when nothing is in it. */
  readonly dedupRatio: number | null;
  /** How long they took, ms. */
  readonly durationMs: DurationSummary;
  readonly oldestAt: string | null;
  readonly newestAt: string | null;
  /** When one of them was last restored and compared. */
  readonly lastVerifiedAt: string | null;
}

/** Sums up; pure. */
export function metricsOf(backups: readonly BackupState[]): BackupMetrics {
  const byStatus = { running: 0, completed: 0, verified: 0, failed: 0, damaged: 0, pruned: 0 };
  const durations = new Durations();
  let [bytes, storedBytes] = [0, 0];
  for (const { status, facts } of backups) {
    byStatus[status] += 1;
    if (facts === null) continue;
    durations.add(facts.durationMs);
    if (status === "pruned") continue;
    bytes += facts.bytes;
    storedBytes += facts.storedBytes;
  }
  const times = backups.flatMap(({ completed }) => completed?.time ?? []).toSorted();
  const verified = backups.flatMap(({ verified: last }) => last?.time ?? []).toSorted();
  return {
    count: backups.length,
    byStatus,
    bytes,
    storedBytes,
    dedupRatio: storedBytes === 0 ? null : Math.round((bytes / storedBytes) * 100) / 100,
    durationMs: durations.summary(),
    oldestAt: times[0] ?? null,
    newestAt: times.at(-1) ?? null,
    lastVerifiedAt: verified.at(-1) ?? null,
  };
}
