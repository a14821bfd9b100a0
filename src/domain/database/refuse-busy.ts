import { Conflict } from "../shared/errors.ts";
import type { DatabaseState, LedgerState } from "../state/state.ts";
import { isWaiting } from "../state/undertaking.ts";

/**
 * A run compares for itself, and its steps change the schema. What only waits for consent or its time
 * does nothing, for days perhaps, and is compared with what is there at its turn.
 */
export function refuseBusy(
  database: DatabaseState,
  { runs, restores }: Pick<LedgerState, "runs" | "restores">,
): void {
  const { openRuns, openRestores, fingerprint } = database;
  const open = [
    ...[...openRuns].map((id) => runs.get(id)!),
    ...[...openRestores].map((id) => restores.get(id)!),
  ];
  if (fingerprint === null || open.some((one) => !isWaiting(one))) throw busy(database);
}

export const busy = ({ name }: DatabaseState): Conflict =>
  new Conflict("database-busy", `${name} is at work`, {
    hint: "Wait for its runs and restores to end",
  });
