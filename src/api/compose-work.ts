import { BackupKeeper } from "../domain/backup/backup-keeper.ts";
import { Restorer } from "../domain/backup/restorer.ts";
import { DatabaseJobs } from "../domain/engine/database-jobs.ts";
import { ProgressHub } from "../domain/engine/progress-hub.ts";
import { Sessions } from "../domain/engine/sessions.ts";
import { Rollback } from "../domain/migration/rollback.ts";
import { RunDriver } from "../domain/migration/run-driver.ts";
import { RunFailures } from "../domain/migration/run-failures.ts";
import { RecoveryService } from "../domain/recovery/recovery-service.ts";
import { Owned } from "../domain/shared/owned.ts";
import { Recorder } from "../domain/shared/recorder.ts";
import { TOOL_VERSION } from "../infra/system/version.ts";
import { openTelemetry } from "../infra/telemetry/tracing.ts";
import { reportWork } from "./report-work.ts";
import type { One } from "./tokens.ts";
import * as t from "./tokens.ts";

/** What carries out work on databases, for whichever service asked for it. */
export function addWork(one: One, recoveryLockTimeoutMs?: number): void {
  one(t.RECORDER, (c) => new Recorder(c.resolve(t.LEDGER)));
  one(t.PROGRESS, () => new ProgressHub());
  one(
    t.JOBS,
    () =>
      new DatabaseJobs((id, job) =>
        openTelemetry.span("database work", { "schemaledger.database.id": id }, job),
      ),
  );
  one(t.OWNED, () => new Owned());
  one(t.BACKGROUND, (c) => ({
    jobs: c.resolve(t.JOBS),
    owned: c.resolve(t.OWNED),
    report: reportWork(c.resolve(t.LOG)),
  }));
  one(
    t.SESSIONS,
    (c) => new Sessions(c.resolve(t.EXECUTOR), c.resolve(t.LEDGER).origin, c.resolve(t.PROGRESS)),
  );
  one(
    t.BACKUP_KEEPER,
    (c) =>
      new BackupKeeper(
        c.resolve(t.BACKUP_STORE),
        c.resolve(t.RECORDER),
        c.resolve(t.LEDGER),
        c.resolve(t.CLOCK),
        TOOL_VERSION,
      ),
  );
  one(
    t.RESTORER,
    (c) =>
      new Restorer(
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.CLOCK),
        c.resolve(t.IDS),
      ),
  );
  one(
    t.RECOVERY_SERVICE,
    (c) =>
      new RecoveryService(
        c.resolve(t.PROJECTION),
        c.resolve(t.RECORDER),
        c.resolve(t.LEDGER),
        c.resolve(t.BACKUP_KEEPER),
        c.resolve(t.SESSIONS),
        c.resolve(t.OWNED),
        recoveryLockTimeoutMs,
      ),
  );
  one(t.STEP_PARTS, (c) => ({
    ledger: c.resolve(t.LEDGER),
    recorder: c.resolve(t.RECORDER),
    keeper: c.resolve(t.BACKUP_KEEPER),
    dialects: c.resolve(t.DIALECTS),
    clock: c.resolve(t.CLOCK),
    digest: c.resolve(t.DIGEST),
    ids: c.resolve(t.IDS),
  }));
  one(t.RUN_DRIVER, (c) => {
    const parts = {
      ...c.resolve(t.STEP_PARTS),
      projection: c.resolve(t.PROJECTION),
      sessions: c.resolve(t.SESSIONS),
      recovery: c.resolve(t.RECOVERY_SERVICE),
      restorer: c.resolve(t.RESTORER),
    };
    return new RunDriver({
      ...parts,
      integrity: c.resolve(t.INTEGRITY_SERVICE),
      failures: new RunFailures(parts),
      rollback: new Rollback(parts),
      tracer: openTelemetry,
    });
  });
}
