import { DatabaseRecovery } from "../domain/recovery/database-recovery.ts";
import { Cleanup } from "../domain/retention/cleanup.ts";
import { LegalHolds } from "../domain/retention/legal-holds.ts";
import { PruneGuard } from "../domain/retention/prune-guard.ts";
import { PruneService } from "../domain/retention/prune-service.ts";
import type { Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What keeps backups, and lets them go. */
export interface SafekeepingServices {
  readonly prunes: PruneService;
  readonly holds: LegalHolds;
  readonly cleanup: Cleanup;
  readonly recoveries: DatabaseRecovery;
}

/** Composes them over what is registered. */
export function safekeepingServices(c: Resolver): SafekeepingServices {
  const guard = new PruneGuard();
  const parts = {
    databases: c.resolve(t.DATABASE_SERVICE),
    projection: c.resolve(t.PROJECTION),
    recorder: c.resolve(t.RECORDER),
    keeper: c.resolve(t.BACKUP_KEEPER),
    background: c.resolve(t.BACKGROUND),
    clock: c.resolve(t.CLOCK),
    ids: c.resolve(t.IDS),
  };
  const { databases, projection, recorder, background, ids } = parts;
  const prunes = new PruneService({ ...parts, guard });
  return {
    prunes,
    holds: new LegalHolds(databases, projection, recorder, guard, ids),
    recoveries: new DatabaseRecovery({
      ...parts,
      restorer: c.resolve(t.RESTORER),
      recovery: c.resolve(t.RECOVERY_SERVICE),
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      runs: c.resolve(t.RUN_SERVICE),
      sessions: c.resolve(t.SESSIONS),
    }),
    cleanup: new Cleanup(projection, prunes, background.report),
  };
}
