import type { AssuranceState, PruneState, RecoveryState } from "./safekeeping-state.ts";
import type { PolicyChangeState } from "./undertaking.ts";
import type { BackupState, CheckState, RestoreState, RunState } from "./state.ts";

/**
 * What comes to an end and is then history: its kind is the name of its map in `LedgerState`. An
 * entity of these kinds can be found for ever, whether it is still in memory or not.
 */
export interface EntityKinds {
  readonly runs: RunState;
  readonly backups: BackupState;
  readonly restores: RestoreState;
  readonly policyChanges: PolicyChangeState;
  readonly checks: CheckState;
  readonly prunes: PruneState;
  readonly recoveries: RecoveryState;
  readonly scrubs: AssuranceState;
  readonly drills: AssuranceState;
}

export type Kind = keyof EntityKinds;

/** One page of a list that is ordered newest first. */
export interface Page {
  /** Only what began before this index: that of the last one seen. */
  readonly before?: number;
  readonly limit: number;
}

/** Absent members do not narrow. */
export interface EntityQuery extends Page {
  readonly databaseId?: string;
  readonly status?: string;
}

/** The index of the event that began it: lists are ordered by it. */
export const BEGAN: { readonly [K in Kind]: (entity: EntityKinds[K]) => number } = {
  runs: ({ requested }) => requested.index,
  backups: ({ started }) => started.index,
  restores: ({ requested }) => requested.index,
  policyChanges: ({ requested }) => requested.index,
  checks: ({ started }) => started.index,
  prunes: ({ requested }) => requested.index,
  recoveries: ({ requested }) => requested.index,
  scrubs: ({ requested }) => requested.index,
  drills: ({ requested }) => requested.index,
};

/** Whether an entity is one that a query asks for. */
export const matches = (
  entity: { readonly databaseId: string; readonly status: string },
  { databaseId, status }: EntityQuery,
): boolean =>
  (databaseId === undefined || entity.databaseId === databaseId) &&
  (status === undefined || entity.status === status);
