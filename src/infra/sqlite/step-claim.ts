import type { DatabaseTarget, StepRequest } from "../../domain/engine/database-engine.ts";
import type { Connection } from "./connection.ts";
import { raiseFence, requireIdentity } from "./meta.ts";
import type { KnownState } from "./step-state.ts";
import { requireMarkers } from "../step/require-markers.ts";
import { StepFault } from "../step/step-fault.ts";

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
