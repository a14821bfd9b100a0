import type { DatabaseTarget } from "../engine/database-engine.ts";

/** A file of the ledger's, for operations that look at no markers. */
export const ledgerTarget = (url: string, origin: string): DatabaseTarget => ({
  engine: "sqlite",
  url,
  databaseId: "ledger",
  origin,
  incarnation: "",
});
