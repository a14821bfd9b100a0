import type { DriftReport } from "../../domain/database/drift-service.ts";

/** A comparison of the live schema with the ledger's. */
export const driftView = ({ expected, found, differences }: DriftReport): object => ({
  drift: expected !== found,
  expected,
  found,
  differences,
});
