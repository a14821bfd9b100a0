import type { Circumstances } from "../governance/demands.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { Digest } from "../shared/digest.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { RollbackStrategy, RunEvents } from "./events.ts";
import { planRollback, type Plan } from "./plan.ts";
import { rollbackBackup } from "./rollback-backup.ts";

export interface RollbackRequest extends Circumstances {
  readonly to: string;
  readonly strategy?: RollbackStrategy;
  readonly reason: string;
}

type Requested = Pick<
  RunEvents["RunRequested"],
  "reason" | "strategy" | "rehearse" | "onFailure" | "restores"
>;

/** Every applied version above `to` is undone. Errors: those of `planRollback` · `InvalidInput` no-down-script. */
export function plannedRollback(
  database: DatabaseState,
  { to, reason, strategy = "auto" }: RollbackRequest,
  digest: Digest,
  backups: Iterable<BackupState>,
): { readonly plan: Plan; readonly requested: Requested } {
  const plan = planRollback(database, to, digest);
  if (strategy === "down" && !plan.reversible)
    throw new InvalidInput("no-down-script", "A version to undo has no down script", {
      hint: "Use strategy restore or auto",
    });
  const restores =
    strategy === "down" ? undefined : rollbackBackup(database, plan.steps, backups)?.id;
  const { onFailure } = database.policy;
  const requested = { reason, strategy, rehearse: true, ...withoutAbsent({ onFailure, restores }) };
  return { plan, requested };
}
