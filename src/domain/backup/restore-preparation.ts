import type { Meta } from "../engine/database-engine.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { Context } from "../shared/actor.ts";
import { Conflict, DomainError } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Recorder } from "../shared/recorder.ts";
import { withoutAbsent } from "../shared/without-absent.ts";
import type { Projection } from "../state/projection.ts";
import type { DatabaseState, RestoreState } from "../state/state.ts";
import { BackupKeeper, scratchFile } from "./backup-keeper.ts";
import type { Scratch } from "./backup-store.ts";
import type { BackupFacts } from "./events.ts";

/** Present content that the engine cannot read: only its bytes can be kept. */
const UNREADABLE = new Set(["not-a-database", "database-damaged"]);

export interface PreparationParts {
  readonly projection: Projection;
  readonly recorder: Recorder;
  readonly keeper: BackupKeeper;
  readonly sessions: Sessions;
  readonly ids: Ids;
}

export interface VerifiedCopy {
  /** What the ledger says of the backup. */
  readonly facts: BackupFacts;
  readonly path: string;
}

/**
 * What comes before every restore: the backup is restored to scratch and compared with the ledger
 * once more, and what is about to be replaced is backed up.
 */
export class RestorePreparation {
  readonly #parts: PreparationParts;

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /** Leaves the verified copy in `scratch`, and says where. */
  async verifyBackup(
    database: DatabaseState,
    { id, backupId, order }: RestoreState,
    scratch: Scratch,
    context: Context,
  ): Promise<VerifiedCopy> {
    const { projection, sessions, keeper, recorder } = this.#parts;
    const backup = await projection.find("backups", backupId);
    const facts = backup?.facts ?? null;
    if (facts === null)
      throw new Conflict("backup-not-complete", `Backup ${backupId} is not complete`);
    if (backup?.kind === "table") {
      const [path] = await sessions.use(database, id, (session) =>
        keeper.fetch(session, database, facts, scratch, context),
      );
      return { facts, path: path! };
    }
    const verified = await sessions.use(database, id, (session) =>
      keeper.verify(session, database, facts, scratch, context, order.method === "offline"),
    );
    await recorder.record(database.id, [verified], context);
    return { facts, path: scratchFile(scratch) };
  }

  /** A backup of the present state, verified if it can be read. Null: nothing is there. */
  async saveSafety(
    database: DatabaseState,
    restore: RestoreState,
    context: Context,
  ): Promise<string | null> {
    const inspection = await this.#parts.sessions.use(database, restore.id, ({ engine }) =>
      engine.inspect(),
    );
    if (!inspection.exists) return null;
    const { problem, meta } = inspection;
    if (problem === undefined && isOurs(database, meta))
      return this.saveReadable(database, restore, context);
    if (problem !== undefined && !UNREADABLE.has(problem.code))
      throw new DomainError(problem.code, problem.message, { hint: problem.hint });
    const backupId = await this.#intend(database, restore, "raw", context);
    await this.#parts.sessions.use(database, restore.id, (session) =>
      this.#parts.keeper.saveRaw(session, database, backupId, context),
    );
    return backupId;
  }

  /** A full, verified backup of the present state. `use` is given the copy that verified it. */
  async saveReadable(
    database: DatabaseState,
    restore: RestoreState,
    context: Context,
    use: (scratch: Scratch) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    const { keeper, recorder, sessions } = this.#parts;
    const backupId = await this.#intend(database, restore, "full", context);
    const scratch = await keeper.store.scratch(backupId);
    try {
      await sessions.use(database, restore.id, async (session) => {
        const facts = await keeper.save(session, database, backupId, context);
        const verified = await keeper.verify(session, database, facts, scratch, context);
        await recorder.record(database.id, [verified], context);
      });
      await use(scratch);
    } finally {
      await scratch.dispose();
    }
    return backupId;
  }

  async #intend(
    database: DatabaseState,
    { runId }: RestoreState,
    kind: "full" | "raw",
    context: Context,
  ): Promise<string> {
    const backupId = this.#parts.ids.uuid();
    await this.#parts.recorder.record(
      database.id,
      [BackupKeeper.intent(backupId, "safety", kind, withoutAbsent({ runId }))],
      context,
    );
    return backupId;
  }
}

/** Anything else that lies at the place is kept as bytes: it is not what the ledger speaks of. */
const isOurs = (database: DatabaseState, meta: Meta | undefined): boolean =>
  meta?.databaseId === database.id && meta.incarnation === database.incarnation;
