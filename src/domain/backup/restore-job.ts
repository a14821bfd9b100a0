import { recordBeginning, type Admit } from "../migration/beginning.ts";
import type { Finding } from "../migration/events.ts";
import type { EventOf, RecordedEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict } from "../shared/errors.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import type { BackupEvents } from "./events.ts";
import type { VerifiedCopy } from "./restore-preparation.ts";

/** How long a restore waits for other users of the database, ms. */
export const RESTORE_LOCK_TIMEOUT = 30_000;

/** A restore under way. */
export interface RestoreJob {
  readonly database: DatabaseState;
  readonly restore: RestoreState;
  readonly context: Context;
  readonly admit: Admit;
  /** The intent is recorded: from here on only the database knows how it ends. */
  started: boolean;
}

/** One way of bringing a verified backup back. */
export interface RestoreWay {
  carryOut(job: RestoreJob, copy: VerifiedCopy): Promise<void>;
}

type Started = Pick<
  BackupEvents["RestoreStarted"],
  "safetyBackupId" | "incarnation" | "tables" | "target" | "sha256"
>;

/** Records the intent, if it may begin still. Its index is the fencing token. Error: NotAdmitted. */
export async function begin(
  recorder: Recorder,
  job: RestoreJob,
  started: Started,
): Promise<RecordedEvent> {
  const { id: restoreId, backupId, reason, runId } = job.restore;
  const data = { restoreId, backupId, reason, ...withoutAbsent({ ...started, runId }) };
  const intent = { type: "RestoreStarted", data } as const;
  const recorded = await recordBeginning({ recorder }, job, job.admit, [intent]);
  job.started = true;
  return recorded[0]!;
}

/** The end of the drift that a restore was asked for to undo: recorded with its completion. */
export function driftReverted({ id, reason, order }: RestoreState): EventOf<"DriftResolved">[] {
  const { reverts: found } = order;
  if (found === undefined) return [];
  return [{ type: "DriftResolved", data: { decision: "reverted", found, reason, restoreId: id } }];
}

/** The key under which the one outcome of a restore is recorded. */
export const restoreOutcome = (restoreId: string): { readonly once: readonly string[] } => ({
  once: [`outcome:${restoreId}`],
});

/** Something speaks against the restore; nothing was changed. */
export class RestoreRefused extends Conflict {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const worst = findings.find(({ severity }) => severity === "error");
    super("restore-refused", worst?.message ?? "The restore was refused", {
      hint: worst?.hint,
      details: { findings },
    });
    this.findings = findings;
  }
}
