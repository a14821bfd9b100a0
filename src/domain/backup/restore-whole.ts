import type { Restored } from "../engine/database-engine.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { DomainEvent, EventOf } from "../events.ts";
import type { Clock } from "../shared/clock.ts";
import type { Ids } from "../shared/ids.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { DatabaseState } from "../state/state.ts";
import {
  RESTORE_LOCK_TIMEOUT,
  begin,
  driftReverted,
  restoreOutcome,
  type RestoreJob,
  type RestoreWay,
} from "./restore-job.ts";
import type { RestorePreparation, VerifiedCopy } from "./restore-preparation.ts";

export interface WayParts {
  readonly preparation: RestorePreparation;
  readonly recorder: Recorder;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Replaces the whole content of the database in one transaction. */
export class RestoreWhole implements RestoreWay {
  readonly #parts: WayParts;

  constructor(parts: WayParts) {
    this.#parts = parts;
  }

  async carryOut(job: RestoreJob, { path, facts }: VerifiedCopy): Promise<void> {
    const { preparation, recorder, sessions, clock, ids } = this.#parts;
    const { database, restore, context } = job;
    const safetyBackupId = await preparation.saveSafety(database, restore, context);
    const incarnation = ids.uuid();
    const { index } = await begin(recorder, job, { safetyBackupId, incarnation });
    const { fingerprint, rows } = facts;
    const began = clock.elapsed();
    const restored = await sessions.use(database, restore.id, ({ engine }) =>
      engine.restore({
        scratchPath: path,
        ...(fingerprint === null ? {} : { content: { fingerprint, rows } }),
        token: index,
        incarnation,
        lockTimeoutMs: RESTORE_LOCK_TIMEOUT,
        ...(database.physical === null ? {} : { physical: database.physical }),
        ...withoutAbsent({ method: restore.order.method }),
      }),
    );
    const durationMs = Math.round(clock.elapsed() - began);
    await recorder.record(
      database.id,
      [
        ...resolvedBy(database, restored.applied),
        completed(job, incarnation, restored, durationMs),
        ...driftReverted(restore),
      ],
      context,
      restoreOutcome(restore.id),
    );
  }
}

function completed(
  { restore }: RestoreJob,
  incarnation: string,
  { live, applied, rowsBefore, rowsAfter, findings = [] }: Restored,
  durationMs: number,
): DomainEvent {
  const { id: restoreId, backupId, order } = restore;
  const { fingerprint, schema } = live;
  return {
    type: "RestoreCompleted",
    data: {
      restoreId,
      backupId,
      incarnation,
      fingerprint,
      schema,
      applied,
      rowsBefore,
      rowsAfter,
      durationMs,
      ...withoutAbsent({ method: order.method }),
      ...(findings.length === 0 ? {} : { findings }),
    },
  };
}

/** After a restore the markers in the restored content answer what nobody could say before. */
export function resolvedBy(
  database: DatabaseState,
  applied: readonly string[],
): EventOf<"StepResolved">[] {
  return [...database.openAttempts.values()].map(({ attempt, runId, version, direction }) => ({
    type: "StepResolved",
    data: {
      attempt,
      runId,
      version,
      direction,
      decision: applied.includes(version) === (direction === "up") ? "applied" : "aborted",
      reason: "The database was restored; its markers tell",
    },
  }));
}
