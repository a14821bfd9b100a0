import type { DatabaseState } from "../state/state.ts";

/** The versions that the ledger believes applied by itself: those of which the database has markers. */
export const appliedIn = ({ migrations }: DatabaseState): string[] =>
  [...migrations.values()]
    .filter(({ state, applied }) => state === "applied" && applied?.runId !== null)
    .map(({ version }) => version);
