import type { TableRestoreRequest, TablesRestored } from "../engine/database-engine.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import { scratchFile } from "./backup-keeper.ts";
import {
  RESTORE_LOCK_TIMEOUT,
  RestoreRefused,
  begin,
  restoreOutcome,
  type RestoreJob,
  type RestoreWay,
} from "./restore-job.ts";
import type { VerifiedCopy } from "./restore-preparation.ts";
import type { WayParts } from "./restore-whole.ts";

/**
 * Brings single tables back into the database as it is now. It is tried on the verified copy of
 * the present state first: what speaks against it is found before the database is touched.
 */
export class RestoreSingleTables implements RestoreWay {
  readonly #parts: WayParts;

  constructor(parts: WayParts) {
    this.#parts = parts;
  }

  async carryOut(job: RestoreJob, { path }: VerifiedCopy): Promise<void> {
    const { preparation, recorder, clock, ids } = this.#parts;
    const { database, restore, context } = job;
    const tables = restore.order.tables ?? [];
    const safetyBackupId = await preparation.saveReadable(database, restore, context, (present) =>
      this.#rehearse(job, path, scratchFile(present)),
    );
    const incarnation = ids.uuid();
    const { index } = await begin(recorder, job, { safetyBackupId, incarnation, tables });
    const began = clock.elapsed();
    const restored = passed(await this.#run(job, path, { token: index, incarnation }));
    const { live, applied, rowsBefore, rowsAfter, findings } = restored;
    const { fingerprint, schema } = live;
    const { id: restoreId, backupId } = restore;
    const durationMs = Math.round(clock.elapsed() - began);
    const facts = { restoreId, backupId, incarnation, fingerprint, schema, applied, durationMs };
    const data = { ...facts, rowsBefore, rowsAfter, tables: restored.tables, findings };
    await recorder.record(
      database.id,
      [{ type: "RestoreCompleted", data }],
      context,
      restoreOutcome(restoreId),
    );
  }

  async #rehearse(job: RestoreJob, path: string, rehearseOn: string): Promise<void> {
    passed(await this.#run(job, path, { rehearseOn, token: 0, incarnation: "" }));
  }

  #run(
    { database, restore }: RestoreJob,
    scratchPath: string,
    how: Pick<TableRestoreRequest, "token" | "incarnation" | "rehearseOn">,
  ): Promise<TablesRestored> {
    const { tables = [], onConflict = "refuse", triggers } = restore.order;
    return this.#parts.sessions.use(database, restore.id, ({ engine }) =>
      engine.restoreTables({
        scratchPath,
        tables,
        onConflict,
        ...withoutAbsent({ triggers }),
        ...how,
        lockTimeoutMs: RESTORE_LOCK_TIMEOUT,
      }),
    );
  }
}

function passed(result: TablesRestored): TablesRestored & { readonly status: "done" } {
  if (result.status === "refused") throw new RestoreRefused(result.findings);
  return result;
}
