import { StepFault } from "./step-fault.ts";

/** Equal schemas do not mean equal content: steps that only change rows leave nothing but markers. */
export function requireMarkers(found: readonly string[], believed: readonly string[]): void {
  const missing = without(believed, found);
  const extra = without(found, believed);
  if (missing.length === 0 && extra.length === 0) return;
  const lacks = missing.length === 0 ? [] : [`lacks version ${missing.join(", ")}`];
  const has = extra.length === 0 ? [] : [`has version ${extra.join(", ")} too`];
  throw new StepFault({
    code: "markers-differ",
    message: `The database ${[...lacks, ...has].join(" and ")}: it is not in the state the ledger knows`,
    hint: "An older copy was put in its place, or another ledger migrated it: put the right file back, or restore a backup",
  });
}

function without(versions: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return versions.filter((version) => !known.has(version));
}
