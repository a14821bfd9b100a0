import { restoreDigest } from "../backup/restore-digest.ts";
import { policyDigest } from "../database/policy-digest.ts";
import { BEFORE_ALL, planMigrate, planRollback } from "../migration/plan.ts";
import type { Digest } from "../shared/digest.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState } from "../state/state.ts";
import type { AnyUndertaking } from "../state/undertaking.ts";

/** The digest that the same request would have now. Another one than it has: something changed since. */
export async function presentDigest(
  one: AnyUndertaking,
  database: DatabaseState,
  projection: Pick<Projection, "find">,
  digest: Digest,
): Promise<string> {
  switch (one.what) {
    case "run":
      return one.kind === "migrate"
        ? planMigrate(database, one.to ?? undefined, digest).planDigest
        : planRollback(database, one.to ?? BEFORE_ALL, digest).planDigest;
    case "restore": {
      const backup = await projection.find("backups", one.backupId);
      return restoreDigest(database, backup, one.order, digest);
    }
    case "policy-change":
      return policyDigest(database, one.policy, digest);
  }
}
