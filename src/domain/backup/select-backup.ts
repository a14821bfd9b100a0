import { Conflict, InvalidInput, NotFound } from "../shared/errors.ts";
import type { Projection } from "../state/projection.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";

/** Which backup: exactly one of the three says it. */
export interface BackupChoice {
  readonly backupId?: string;
  /** The state just before this run changed anything. */
  readonly beforeRun?: string;
  /** The newest state that is not later than this time, RFC 3339. */
  readonly at?: string;
}

/**
 * The backup that is meant. Errors: `InvalidInput` backup-choice · `NotFound` backup-not-found ·
 * `Conflict` no-backup-before-run | no-backup-at-time.
 */
export async function chooseBackup(
  database: DatabaseState,
  projection: Projection,
  choice: BackupChoice,
): Promise<BackupState> {
  const { backupId, beforeRun, at } = choice;
  if ([backupId, beforeRun, at].filter((one) => one !== undefined).length !== 1)
    throw new InvalidInput("backup-choice", "Say which backup by backupId, beforeRun or at", {
      hint: "Send exactly one of the three",
    });
  if (backupId !== undefined) return byId(database, projection, backupId);
  const own = [...projection.state.backups.values()].filter(
    (backup) => backup.databaseId === database.id && backup.kind === "full",
  );
  return beforeRun === undefined ? atTime(database, own, at!) : before(database, own, beforeRun);
}

/** One of another database is answered as one that does not exist: nobody learns what others have. */
async function byId(
  database: DatabaseState,
  projection: Projection,
  id: string,
): Promise<BackupState> {
  const backup = await projection.find("backups", id);
  if (backup?.databaseId === database.id) return backup;
  throw new NotFound("backup-not-found", `There is no backup ${id} of ${database.name}`, {
    hint: listHint(database),
  });
}

/** Each run takes a backup before its first step; no other one is of that moment. */
function before(
  database: DatabaseState,
  backups: readonly BackupState[],
  runId: string,
): BackupState {
  const taken = backups.find((backup) => backup.runId === runId && backup.purpose === "run");
  if (taken?.status === "verified") return taken;
  const why = taken === undefined ? "took none, or it was pruned" : `is ${taken.status}`;
  const older = taken === undefined ? undefined : atOrBefore(backups, taken.started.time);
  throw new Conflict("no-backup-before-run", `The backup before run ${runId} ${why}`, {
    hint:
      older === undefined
        ? listHint(database)
        : `The newest verified backup before it is ${older.id}, of ${older.completed?.time ?? ""}`,
  });
}

function atTime(database: DatabaseState, backups: readonly BackupState[], at: string): BackupState {
  const found = atOrBefore(backups, new Date(at).toISOString());
  if (found !== undefined) return found;
  throw new Conflict("no-backup-at-time", `No verified backup is as old as ${at}`, {
    hint: listHint(database),
  });
}

/** Complete by then: its content is of a moment not later than that. */
const atOrBefore = (backups: readonly BackupState[], time: string): BackupState | undefined =>
  backups.findLast(
    ({ status, completed }) =>
      status === "verified" && completed !== null && completed.time <= time,
  );

const listHint = ({ name }: DatabaseState): string =>
  `GET /v1/databases/${name}/backups lists those that there are`;
