import { BackupService } from "../domain/backup/backup-service.ts";
import { RestoreService } from "../domain/backup/restore-service.ts";
import { DatabaseService } from "../domain/database/database-service.ts";
import { RiskAssessor } from "../domain/governance/risk.ts";
import { IntegrityService } from "../domain/integrity/integrity-service.ts";
import { Deviations } from "../domain/migration/deviations.ts";
import { MigrationService } from "../domain/migration/migration-service.ts";
import { Registrar } from "../domain/migration/registrar.ts";
import { RunService } from "../domain/migration/run-service.ts";
import { KeyService } from "../domain/service/key-service.ts";
import type { Pseudonyms } from "../domain/service/pseudonyms.ts";
import { resolveNewFile } from "../infra/files/resolve-new-file.ts";
import { diffText } from "../infra/text/diff-text.ts";
import type { CoreConfig } from "./config.ts";
import { placesOf } from "./database-places.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";

/** The services that take commands. */
export function addCommands(one: One, config: CoreConfig, pseudonyms: Pseudonyms): void {
  one(
    t.DATABASE_SERVICE,
    (c) =>
      new DatabaseService(
        c.resolve(t.LEDGER),
        c.resolve(t.PROJECTION),
        c.resolve(t.EXECUTOR),
        c.resolve(t.JOBS),
        c.resolve(t.IDS),
        placesOf(config, c.resolve(t.PASSWORDS)),
        { calendar: c.resolve(t.CALENDAR), signatures: c.resolve(t.SIGNATURES) },
      ),
  );
  one(
    t.REGISTRAR,
    (c) =>
      new Registrar({
        dialects: c.resolve(t.DIALECTS),
        digest: c.resolve(t.DIGEST),
        trust: c.resolve(t.MIGRATION_TRUST),
        quiet: c.resolve(t.QUIET_RECORDER),
        allowsCode: config.allowCode === true,
      }),
  );
  one(
    t.DEVIATIONS,
    (c) =>
      new Deviations(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.LEDGER),
        c.resolve(t.DIGEST),
        c.resolve(t.REGISTRAR),
        c.resolve(t.PROJECTION),
      ),
  );
  one(
    t.MIGRATION_SERVICE,
    (c) =>
      new MigrationService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.LEDGER),
        c.resolve(t.DIALECTS),
        c.resolve(t.DIGEST),
        diffText,
        c.resolve(t.REGISTRAR),
      ),
  );
  one(
    t.RUN_SERVICE,
    (c) =>
      new RunService({
        databases: c.resolve(t.DATABASE_SERVICE),
        projection: c.resolve(t.PROJECTION),
        recorder: c.resolve(t.RECORDER),
        driver: c.resolve(t.RUN_DRIVER),
        background: c.resolve(t.BACKGROUND),
        digest: c.resolve(t.DIGEST),
        ids: c.resolve(t.IDS),
        clock: c.resolve(t.CLOCK),
        trust: c.resolve(t.MIGRATION_TRUST),
        gate: c.resolve(t.GATE),
        approvals: c.resolve(t.APPROVAL_SERVICE),
        risk: new RiskAssessor(c.resolve(t.LEDGER), c.resolve(t.DIALECTS)),
      }),
  );
  one(
    t.BACKUP_SERVICE,
    (c) =>
      new BackupService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.BACKGROUND),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.RESTORE_SERVICE,
    (c) =>
      new RestoreService({
        databases: c.resolve(t.DATABASE_SERVICE),
        projection: c.resolve(t.PROJECTION),
        recorder: c.resolve(t.RECORDER),
        restorer: c.resolve(t.RESTORER),
        recovery: c.resolve(t.RECOVERY_SERVICE),
        sessions: c.resolve(t.SESSIONS),
        background: c.resolve(t.BACKGROUND),
        resolveTarget: (target) => resolveNewFile(target, config.roots, [config.data]),
        gate: c.resolve(t.GATE),
        approvals: c.resolve(t.APPROVAL_SERVICE),
        clock: c.resolve(t.CLOCK),
        digest: c.resolve(t.DIGEST),
      }),
  );
  one(
    t.INTEGRITY_SERVICE,
    (c) =>
      new IntegrityService(
        c.resolve(t.DATABASE_SERVICE),
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.SESSIONS),
        c.resolve(t.BACKGROUND),
        c.resolve(t.CLOCK),
        c.resolve(t.IDS),
        c.resolve(t.BACKUP_STORE),
      ),
  );
  one(
    t.KEY_SERVICE,
    (c) =>
      new KeyService({
        ledger: c.resolve(t.LEDGER),
        projection: c.resolve(t.PROJECTION),
        ids: c.resolve(t.IDS),
        digest: c.resolve(t.DIGEST),
        pseudonyms,
        clock: c.resolve(t.CLOCK),
        open: c.resolve(t.TEXTS).open,
      }),
  );
}
