import type { Sessions } from "../engine/sessions.ts";
import type { EventOf } from "../events.ts";
import type { RestoreState } from "../state/state.ts";
import type { BackupFacts } from "./events.ts";
import { begin, restoreOutcome, type RestoreJob, type RestoreWay } from "./restore-job.ts";
import type { WayParts } from "./restore-whole.ts";
import type { VerifiedCopy } from "./restore-preparation.ts";

/** Writes the backup to a new file. The database itself is not touched. */
export class RestoreToFile implements RestoreWay {
  readonly #parts: Omit<WayParts, "preparation" | "ids">;

  constructor(parts: Omit<WayParts, "preparation" | "ids">) {
    this.#parts = parts;
  }

  async carryOut(job: RestoreJob, { facts, path }: VerifiedCopy): Promise<void> {
    const { recorder, sessions, clock } = this.#parts;
    const { database, restore, context } = job;
    const target = restore.order.target!;
    const { sha256 } = await sessions.use(database, restore.id, ({ engine }) =>
      engine.digestOf(path),
    );
    const { incarnation } = facts;
    await begin(recorder, job, { safetyBackupId: null, incarnation, target, sha256 });
    const began = clock.elapsed();
    const request = { scratchPath: path, target, restoreId: restore.id, sha256 };
    await sessions.use(database, restore.id, ({ engine }) => engine.exportCopy(request));
    const event = written(restore, facts, Math.round(clock.elapsed() - began));
    await recorder.record(database.id, [event], context, restoreOutcome(restore.id));
  }
}

/** The outcome of a restore to a new file, after a crash too. */
export function written(
  restore: RestoreState,
  { fingerprint, applied, rows, incarnation }: BackupFacts,
  durationMs: number,
): EventOf<"RestoreCompleted"> {
  const { id: restoreId, backupId, order, sha256 } = restore;
  return {
    type: "RestoreCompleted",
    data: {
      restoreId,
      backupId,
      incarnation,
      fingerprint: fingerprint ?? "",
      schema: [],
      applied,
      rowsBefore: {},
      rowsAfter: rows,
      durationMs,
      ...(order.target === undefined ? {} : { target: order.target }),
      ...(sha256 === null ? {} : { sha256 }),
    },
  };
}

/** After a crash: whether the file was written. Removes what was left of it if not. */
export const wasWritten = (
  sessions: Sessions,
  { database, restore }: Pick<RestoreJob, "database" | "restore">,
): Promise<boolean> =>
  sessions.use(database, restore.id, ({ engine }) =>
    engine.settleExport({
      scratchPath: "",
      target: restore.order.target!,
      restoreId: restore.id,
      sha256: restore.sha256 ?? "",
    }),
  );
