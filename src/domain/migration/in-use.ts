import { Conflict } from "../shared/errors.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { DatabaseState, LedgerState } from "../state/state.ts";
import type { Registrar } from "./registrar.ts";

/**
 * What an open run has in its plan stays as it is until the run has ended: people agreed to exactly
 * these texts, and its steps read them when their turn comes. On record; error: `Conflict`
 * migration-in-use.
 */
export async function refuseInUse(
  { openRuns }: DatabaseState,
  migration: MigrationState,
  { runs }: Pick<LedgerState, "runs">,
  refused: () => ReturnType<Registrar["refused"]>,
): Promise<void> {
  const { version } = migration;
  const isPlanned = [...openRuns].some((id) =>
    runs.get(id)?.steps.some((step) => step.version === version),
  );
  if (!isPlanned) return;
  await refused();
  throw new Conflict("migration-in-use", `An open run has version ${version} in its plan`, {
    hint: "Wait for the run's end, or cancel it",
  });
}
