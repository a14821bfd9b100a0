import type { DatabaseState } from "../state/state.ts";
import type { StepRef } from "./events.ts";

/** The versions that the ledger believes applied by itself: those of which the database has markers. */
export const appliedIn = ({ migrations }: DatabaseState): string[] =>
  [...migrations.values()]
    .filter(({ state, applied }) => state === "applied" && applied?.runId !== null)
    .map(({ version }) => version);

/** The same after one more step. */
export const appliedAfter = (
  applied: readonly string[],
  { version, direction }: StepRef,
): string[] => [
  ...applied.filter((other) => other !== version),
  ...(direction === "up" ? [version] : []),
];
