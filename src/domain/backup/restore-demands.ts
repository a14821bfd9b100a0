import { demandsOn, type Circumstances } from "../governance/demands.ts";
import type { Exemption } from "../governance/events.ts";
import type { Digest } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { RestoreDemands, RestoreOrder } from "./events.ts";
import { restoreDigest } from "./restore-digest.ts";

/** What would be done, and how it was asked for. */
export interface RestoreIntention {
  readonly backup: BackupState;
  readonly order: RestoreOrder;
  readonly circumstances: Circumstances;
  readonly exempt?: Exemption | null;
}

/**
 * What the policy demands of a restore: as much as of a destructive plan, for what was written since
 * the backup is replaced. Errors: `InvalidInput` restore-contradiction, and those of `demandsOn`.
 */
export function restoreDemands(
  database: DatabaseState,
  { backup, order, circumstances, exempt = null }: RestoreIntention,
  now: string,
  digest: Digest,
): RestoreDemands {
  const why = order.target === undefined ? exempt : "new-file";
  if (why === "new-file" && (circumstances.exception ?? circumstances.emergency) === true)
    throw new InvalidInput(
      "restore-contradiction",
      "The request contradicts itself: a new file needs nobody's consent",
      { hint: "Leave out exception and emergency" },
    );
  const { risk: _risk, ...demands } = demandsOn(
    circumstances,
    database.policy,
    "destructive",
    now,
    why,
  );
  if (why !== null) return { ...demands, exempt: why };
  return { planDigest: restoreDigest(database, backup, order, digest), ...demands };
}
