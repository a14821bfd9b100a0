import { Conflict } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";

/** A run compares for itself, and its steps change the schema. */
export function refuseBusy(database: DatabaseState): void {
  const { openRuns, openRestores, fingerprint } = database;
  if (openRuns.size + openRestores.size > 0 || fingerprint === null) throw busy(database);
}

export const busy = ({ name }: DatabaseState): Conflict =>
  new Conflict("database-busy", `${name} is at work`, {
    hint: "Wait for its runs and restores to end",
  });
