import type { BackupKeeper } from "../backup/backup-keeper.ts";
import { whyFailed } from "../backup/restorer.ts";
import type { DomainEvent } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Failure } from "../shared/errors.ts";
import { OpenPrunes } from "../retention/open-prunes.ts";
import type { Owned } from "../shared/owned.ts";
import type { Recorder } from "../shared/recorder.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import { isPatient } from "../state/undertaking.ts";

/**
 * Gives work that a dead process left, and that changed no database, its outcome: backups,
 * verifications, checks, and restores that had not begun. The database is not looked at.
 */
export class Abandoned {
  readonly #projection: Projection;
  readonly #recorder: Recorder;
  readonly #keeper: BackupKeeper;
  readonly #owned: Owned;
  readonly #prunes: OpenPrunes;

  constructor(projection: Projection, recorder: Recorder, keeper: BackupKeeper, owned: Owned) {
    this.#projection = projection;
    this.#recorder = recorder;
    this.#keeper = keeper;
    this.#owned = owned;
    this.#prunes = new OpenPrunes(projection, recorder, keeper, owned);
  }

  /** The caller holds the database's turn. With nothing abandoned it does nothing. */
  async settle(database: DatabaseState, context: Context): Promise<void> {
    await this.#prunes.settle(database, context);
    const { backups, restores } = this.#projection.state;
    for (const id of this.#left(new Set(database.openAssurances.keys())))
      await this.#record(database, context, abortedAssurance(database.openAssurances.get(id)!, id));
    for (const recoveryId of this.#left(database.openRecoveries))
      await this.#record(database, context, {
        type: "DatabaseRecoveryFailed",
        data: {
          recoveryId,
          error: interrupted(
            "The process ended before the recovery was complete; ask for it again",
          ),
          rejected: [],
        },
      });
    for (const id of this.#left(database.openBackups))
      await this.#keeper.settle(database, backups.get(id)!, context);
    for (const backupId of this.#left(database.openVerifications))
      await this.#record(database, context, {
        type: "BackupVerificationAborted",
        data: { backupId, error: interrupted("The process ended before the backup was verified") },
      });
    for (const checkId of this.#left(database.openChecks))
      await this.#record(database, context, {
        type: "IntegrityCheckCompleted",
        data: { checkId, status: "aborted", findings: [], durationMs: 0 },
      });
    for (const restoreId of this.#left(database.openRestores))
      if (isToFail(restores.get(restoreId)!))
        await this.#record(database, context, {
          type: "RestoreFailed",
          data: {
            restoreId,
            error: whyFailed(
              restores.get(restoreId)!,
              interrupted("The process ended before the restore was begun"),
            ),
            state: "unchanged",
          },
        });
  }

  /** A copy, because each outcome takes its id out of the set. */
  #left(open: ReadonlySet<string>): string[] {
    return [...open].filter((id) => !this.#owned.has(id));
  }

  async #record(database: DatabaseState, context: Context, event: DomainEvent): Promise<void> {
    await this.#recorder.record(database.id, [event], context);
  }
}

/** What waits for people or its time waits on: what they decided is not lost by a restart. */
const isToFail = (restore: RestoreState): boolean =>
  restore.started === null && !isPatient(restore);

const abortedAssurance = (kind: "scrub" | "drill", id: string): DomainEvent =>
  kind === "scrub"
    ? {
        type: "ScrubCompleted",
        data: {
          scrubId: id,
          status: "aborted",
          verified: [],
          damaged: [],
          unread: [],
          bytes: 0,
          durationMs: 0,
        },
      }
    : {
        type: "DrillCompleted",
        data: {
          drillId: id,
          status: "aborted",
          backupId: null,
          findings: [],
          rows: 0,
          bytes: 0,
          restoreMs: 0,
          checkMs: 0,
        },
      };

const interrupted = (message: string): Failure => ({ code: "interrupted", message });
