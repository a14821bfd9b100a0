import type { DatabaseTarget, StepRequest } from "../../domain/engine/database-engine.ts";
import type { Connection } from "./connection.ts";
import { raiseFence, requireIdentity } from "./meta.ts";
import type { KnownState } from "./step-state.ts";
import { StepFault } from "./step-fault.ts";

/**
 * Claims the right to write to this very database in the very state the ledger believes: fence,
 * identity, schema and markers. Inside the transaction. Throws `fenced`, `clone-or-foreign`,
 * `wrong-incarnation`, `drift` or `markers-differ`.
 */
export function claim(
  db: Connection,
  target: DatabaseTarget,
  step: Pick<StepRequest, "token" | "appliedBefore">,
  expectedBefore: string | null,
  state: KnownState,
): void {
  raiseFence(db, step.token);
  requireIdentity(state.meta, target);
  if (state.fingerprint !== expectedBefore)
    throw new StepFault({
      code: "drift",
      message: `The schema is ${state.fingerprint}, the ledger believes ${expectedBefore}`,
      hint: "Something else changed the schema: compare it with the ledger and resolve the drift",
    });
  // What the step before left on this connection is the very same list.
  if (step.appliedBefore !== null && step.appliedBefore !== state.applied)
    requireMarkers(state.applied, step.appliedBefore);
}

/** Equal schemas do not mean equal content: steps that only change rows leave nothing but markers. */
function requireMarkers(found: readonly string[], believed: readonly string[]): void {
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
