import { Unavailable } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";

/** Operations of one database that may wait or be under way at once. */
export const MAX_OPEN = 100;

/**
 * Takes no further operation where too many have not ended: what is accepted is kept, so there must
 * be an end to it. Error: `Unavailable` queue-full.
 */
export function refuseFull(database: DatabaseState): DatabaseState {
  const { openRuns, openBackups, openVerifications, openRestores, openChecks } = database;
  const { openPrunes, openAssurances } = database;
  const open = [openRuns, openBackups, openVerifications, openRestores, openChecks, openPrunes]
    .map(({ size }) => size)
    .reduce((sum, size) => sum + size, openAssurances.size);
  if (open < MAX_OPEN) return database;
  throw new Unavailable(
    "queue-full",
    `${open} operations on ${database.name} have not ended: no further one is taken`,
    { hint: "Wait for some of them, or cancel runs that wait", details: { open } },
  );
}
