import { join } from "node:path";
import { LedgerBackups } from "../domain/ledger-backup/ledger-backups.ts";
import { Assurance } from "../domain/assurance/assurance.ts";
import { DatabaseRecovery } from "../domain/recovery/database-recovery.ts";
import { FilteredLists } from "../domain/state/filtered-lists.ts";
import { Cleanup } from "../domain/retention/cleanup.ts";
import { LegalHolds } from "../domain/retention/legal-holds.ts";
import { PruneGuard } from "../domain/retention/prune-guard.ts";
import { PruneService } from "../domain/retention/prune-service.ts";
import { SqliteLedgerCopies } from "../infra/sqlite/ledger-copy.ts";
import type { CoreConfig } from "./config.ts";
import type { Opened } from "./container.ts";
import type { Resolver } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What keeps backups, and lets them go. */
export interface SafekeepingServices {
  readonly prunes: PruneService;
  readonly holds: LegalHolds;
  readonly cleanup: Cleanup;
  readonly recoveries: DatabaseRecovery;
  readonly ledgerBackups: LedgerBackups;
  readonly assurance: Assurance;
  readonly lists: FilteredLists;
}

/** Their names. */
export const SAFEKEEPING = {
  prunes: true,
  holds: true,
  cleanup: true,
  recoveries: true,
  ledgerBackups: true,
  assurance: true,
  lists: true,
} as const;

/** Long enough for what belongs to one run to be in one backup. */
const LEDGER_BACKUP_DELAY_MS = 300;
const SHARED_BACKUP_DELAY_MS = 30_000;

/** Composes them over what is registered. */
export function safekeepingServices(
  c: Resolver,
  config: CoreConfig,
  {
    shared,
    // A ledger on a server of its own is not lost with this directory, and copied as a whole each time.
    ledgerBackupDelayMs = shared === undefined ? LEDGER_BACKUP_DELAY_MS : SHARED_BACKUP_DELAY_MS,
    ledgerExecutor = c.resolve(t.EXECUTOR),
  }: Pick<Opened, "ledgerBackupDelayMs" | "ledgerExecutor" | "shared">,
): SafekeepingServices {
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
    holds: new LegalHolds(databases, projection, recorder, guard, ids, parts.keeper.store),
    recoveries: new DatabaseRecovery({
      gate: c.resolve(t.GATE),
      digest: c.resolve(t.DIGEST),
      ...parts,
      restorer: c.resolve(t.RESTORER),
      recovery: c.resolve(t.RECOVERY_SERVICE),
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      runs: c.resolve(t.RUN_SERVICE),
      sessions: c.resolve(t.SESSIONS),
    }),
    ledgerBackups: new LedgerBackups({
      ...parts,
      ledger: c.resolve(t.LEDGER),
      copies: shared?.copies ?? new SqliteLedgerCopies(join(config.data, "ledger.db")),
      executor: ledgerExecutor,
      report: background.report,
      delayMs: ledgerBackupDelayMs,
    }),
    assurance: new Assurance({
      ...parts,
      sessions: c.resolve(t.SESSIONS),
      integrity: c.resolve(t.INTEGRITY_SERVICE),
    }),
    lists: new FilteredLists(c.resolve(t.LEDGER), projection, databases),
    cleanup: new Cleanup(projection, prunes, background.report),
  };
}
