import type { DatabaseTarget, StepRequest } from "../../../domain/engine/database-engine.ts";
import { requireMarkers } from "../../step/require-markers.ts";
import { StepFault } from "../../step/step-fault.ts";
import { requireIdentity } from "./meta.ts";
import type { KnownState } from "./step-state.ts";

/**
 * Requires this very database in the very state the ledger believes: identity, schema and markers.
 * Inside the transaction, the fence raised. Throws `clone-or-foreign`, `wrong-incarnation`, `drift` or
 * `markers-differ`.
 */
export function claim(
  target: DatabaseTarget,
  { expectedBefore, appliedBefore }: Pick<StepRequest, "expectedBefore" | "appliedBefore">,
  { meta, catalog, applied }: KnownState,
): void {
  requireIdentity(meta, target);
  if (catalog.fingerprint !== expectedBefore)
    throw new StepFault({
      code: "drift",
      message: `The schema is ${catalog.fingerprint}, the ledger believes ${expectedBefore}`,
      hint: "Something else changed the schema: compare it with the ledger and resolve the drift",
    });
  if (appliedBefore !== null) requireMarkers(applied, appliedBefore);
}
