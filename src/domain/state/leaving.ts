import type { EntityKinds, Kind } from "./entity-query.ts";
import type { DatabaseState, LedgerState } from "./state.ts";
import { isToBeReviewed } from "./undertaking.ts";

/** An entity that has come to its end and left memory: nothing changes it any more. */
export type Ended = { [K in Kind]: { readonly kind: K; readonly entity: EntityKinds[K] } }[Kind];

/** Notes that an entity has come to its end. It leaves as soon as nothing open needs it. */
export function ended(database: DatabaseState, kind: Kind, id: string): void {
  database.ended.set(id, kind);
}

/**
 * Moves what has ended and is not needed any more from the maps to `state.left`. Part of the fold:
 * what is in memory is a function of the events alone, so a fold can never miss what it needs.
 */
export function release(state: LedgerState, database: DatabaseState): void {
  for (const [id, kind] of database.ended) {
    if (IS_NEEDED[kind](state, database, id)) continue;
    database.ended.delete(id);
    const entity = state[kind].get(id);
    state[kind].delete(id);
    state.left.push({ kind, entity } as Ended);
  }
}

type IsNeeded = (state: LedgerState, database: DatabaseState, id: string) => boolean;

/** The newest of its database, or what an event that is still to come will change or look at. */
const IS_NEEDED: { readonly [K in Kind]: IsNeeded } = {
  runs: (state, { lastRun, openAttempts, openRestores }, id) =>
    lastRun === id ||
    isToBeReviewed(state.runs.get(id)) ||
    [...openAttempts.values()].some(({ runId }) => runId === id) ||
    [...openRestores].some((restoreId) => state.restores.get(restoreId)?.runId === id),
  checks: (_, { lastCheck }, id) => lastCheck === id,
  restores: (state, { openRuns }, id) =>
    isToBeReviewed(state.restores.get(id)) || ofOpenRun(openRuns, state.restores.get(id)?.runId),
  policyChanges: (state, _, id) => isToBeReviewed(state.policyChanges.get(id)),
  prunes: () => false,
  recoveries: () => false,
  scrubs: () => false,
  drills: () => false,
  backups: (state, { openRuns }, id) => ofOpenRun(openRuns, state.backups.get(id)?.runId),
};

/** A run looks at what it has caused until its own end. */
const ofOpenRun = (openRuns: ReadonlySet<string>, runId: string | undefined): boolean =>
  runId !== undefined && openRuns.has(runId);
