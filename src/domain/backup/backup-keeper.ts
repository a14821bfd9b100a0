import type { ExecutorSession } from "../engine/executor.ts";
import type { EventOf } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { Unavailable, failureOf, type Failure } from "../shared/errors.ts";
import type { Recorder } from "../shared/recorder.ts";
import type { BackupState, DatabaseState, LedgerState } from "../state/state.ts";
import { damageEvents, isDamage } from "./backup-damage.ts";
import { factsOf } from "./backup-facts.ts";
import type { BackupManifest, BackupStore, Scratch, StoreAccess } from "./backup-store.ts";
import type { BackupFacts, BackupKind, BackupPurpose } from "./events.ts";

/** What an engine stored, and what it knows of it. */
export type Saved = Pick<
  BackupManifest,
  "content" | "fingerprint" | "rows" | "applied" | "incarnation"
>;

/** How long a backup waits for a sweep of the store, and between two looks, ms. */
const SWEEP_WAIT_MS = 600_000;
const SWEEP_PAUSE_MS = 200;

/** Takes and verifies backups; each intent gets its outcome. Used by backups, runs and restores. */
export class BackupKeeper {
  readonly store: BackupStore;
  readonly #recorder: Recorder;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly toolVersion: string;

  constructor(
    store: BackupStore,
    recorder: Recorder,
    ledger: Ledger,
    clock: Clock,
    toolVersion: string,
  ) {
    this.store = store;
    this.#recorder = recorder;
    this.#ledger = ledger;
    this.#clock = clock;
    this.toolVersion = toolVersion;
  }

  /** The intent, to be recorded before `save`. */
  static intent(
    backupId: string,
    purpose: BackupPurpose,
    kind: BackupKind = "full",
    more: { readonly runId?: string; readonly tables?: readonly string[] } = {},
  ): EventOf<"BackupStarted"> {
    return { type: "BackupStarted", data: { backupId, kind, purpose, ...more } };
  }

  /**
   * Snapshot, publication, `BackupCompleted`; on any failure `BackupFailed` and the error. The
   * intent must be durable.
   */
  async save(
    session: ExecutorSession,
    database: DatabaseState,
    backupId: string,
    context: Context,
  ): Promise<BackupFacts> {
    return this.#keep(database, backupId, "full", context, async (access) => {
      const snapshot = await session.engine.snapshot(access);
      const { content, fingerprint, rows, applied, incarnation } = snapshot;
      return { content, fingerprint, rows, applied, incarnation };
    });
  }

  /** Single tables; otherwise like `save`. */
  async saveTables(
    session: ExecutorSession,
    database: DatabaseState,
    backupId: string,
    tables: readonly string[],
    context: Context,
  ): Promise<BackupFacts> {
    return this.#keep(database, backupId, "table", context, async (access) => {
      const copy = await session.engine.saveTables({ backupId, tables, access });
      const { incarnation } = database;
      const facts = { fingerprint: null, rows: copy.tables, applied: [], incarnation };
      return { content: copy.content!, ...facts };
    });
  }

  /** A byte copy of files that the engine cannot read any more; otherwise like `save`. */
  async saveRaw(
    session: ExecutorSession,
    database: DatabaseState,
    backupId: string,
    context: Context,
  ): Promise<BackupFacts> {
    return this.#keep(database, backupId, "raw", context, async (access) => {
      const { content } = await session.engine.rawCopy(access);
      const { incarnation } = database;
      return { content, fingerprint: null, rows: {}, applied: [], incarnation };
    });
  }

  /**
   * Restores the backup into `scratch` and compares it with what the ledger says of it. Returns the
   * event to record. Damage is recorded here and thrown: the backup is never chosen again. `isToKeep`:
   * the copy is durable.
   */
  async verify(
    session: ExecutorSession,
    database: DatabaseState,
    facts: BackupFacts,
    scratch: Scratch,
    context: Context,
    isToKeep = false,
  ): Promise<EventOf<"BackupVerified">> {
    const { backupId, sha256, bytes, rows } = facts;
    const began = this.#clock.elapsed();
    try {
      if (facts.fingerprint === null)
        throw new Unavailable("backup-unreadable", "A raw copy cannot be verified or restored");
      const access = await this.store.access(backupId);
      const stored = { access, sha256, bytes, rows, fingerprint: facts.fingerprint, isToKeep };
      const copy = await session.engine.verify(stored, scratchFile(scratch));
      const counts = Object.values(copy.rows);
      return {
        type: "BackupVerified",
        data: {
          backupId,
          quickCheck: "ok",
          fingerprint: copy.fingerprint,
          tables: counts.length,
          rows: counts.reduce((sum, count) => sum + count, 0),
          durationMs: this.#since(began),
        },
      };
    } catch (error) {
      await this.#recordDamage(database, backupId, failureOf(error), context);
      throw error;
    }
  }

  /**
   * Reads all that is stored of a backup of any kind and compares it. A full one is verified, and
   * the event returned; damage is recorded and thrown.
   */
  async reread(
    session: ExecutorSession,
    database: DatabaseState,
    facts: BackupFacts,
    kind: BackupKind,
    scratch: Scratch,
    context: Context,
  ): Promise<EventOf<"BackupVerified"> | undefined> {
    if (kind === "full") return this.verify(session, database, facts, scratch, context);
    await this.fetch(session, database, facts, scratch, context);
    return undefined;
  }

  /**
   * Writes a backup's files into `scratch`, each page compared with the digest of which the ledger
   * has the sum. Returns their paths. Damage is recorded and thrown.
   */
  async fetch(
    session: ExecutorSession,
    database: DatabaseState,
    { backupId, sha256 }: BackupFacts,
    scratch: Scratch,
    context: Context,
  ): Promise<readonly string[]> {
    try {
      const access = await this.store.access(backupId);
      if ((await this.store.manifest(backupId))?.content.sha256 !== sha256)
        throw new Unavailable("backup-damaged", "The manifest is not the one of the ledger");
      const names = await session.engine.fetch(access, scratch.path);
      return names.map((name) => `${scratch.path}/${name}`);
    } catch (error) {
      await this.#recordDamage(database, backupId, failureOf(error), context);
      throw error;
    }
  }

  /** Settles a backup whose process died: published → completed, else failed. */
  async settle(database: DatabaseState, backup: BackupState, context: Context): Promise<void> {
    const manifest = await this.store.manifest(backup.id);
    if (manifest === undefined) {
      await this.store.discard(backup.id);
      await this.#recordFailure(database, backup.id, INTERRUPTED, context);
      return;
    }
    const data = factsOf(manifest, manifest.content.storedBytes, 0);
    await this.#recorder.record(database.id, [{ type: "BackupCompleted", data }], context);
  }

  /**
   * Bytes freed; undefined while the store is busy: the next sweep takes it along. What the ledger
   * knows of is kept whatever the store's listing says.
   */
  async sweep({ backups, ledgerBackups }: LedgerState): Promise<number | undefined> {
    const stored = [...backups.values()].filter(({ completed }) => completed !== null);
    const known = [...stored.map(({ id }) => id), ...ledgerBackups.kept];
    try {
      return (await this.store.sweep(known)).freedBytes;
    } catch (error) {
      if (error instanceof Unavailable && error.code === "backup-store-busy") return undefined;
      throw error;
    }
  }

  async #keep(
    database: DatabaseState,
    backupId: string,
    kind: BackupKind,
    context: Context,
    take: (access: StoreAccess) => Promise<Saved>,
  ): Promise<BackupFacts> {
    const began = this.#clock.elapsed();
    let published = false;
    try {
      const parent = kind === "full" ? database.lastBackup : null;
      const saved = await take(await this.begin(backupId, parent));
      const checkpoint = (await this.#ledger.checkpoint()).note;
      const manifest = this.manifestOf(database, backupId, kind, saved, checkpoint);
      const { storedBytes } = await this.store.publish(backupId, manifest);
      published = true;
      if (isHeld(database)) await this.store.hold([backupId]);
      const facts = factsOf(manifest, storedBytes, this.#since(began));
      await this.#recorder.record(database.id, [{ type: "BackupCompleted", data: facts }], context);
      return facts;
    } catch (error) {
      // A published backup whose event could not be written is settled by recovery.
      if (published) throw error;
      await this.store.discard(backupId).catch(() => {
        // The store that failed may fail here as well: what is left goes at the next start, and the
        // outcome is on record now.
      });
      await this.#recordFailure(database, backupId, failureOf(error), context);
      throw error;
    }
  }

  /** A sweep takes a moment, and a run must not fail for it. */
  async begin(backupId: string, parent: string | null): Promise<StoreAccess> {
    const began = this.#clock.elapsed();
    for (;;)
      try {
        return await this.store.begin(backupId, parent);
      } catch (error) {
        const isBusy = failureOf(error).code === "backup-store-busy";
        if (!isBusy || this.#clock.elapsed() - began > SWEEP_WAIT_MS) throw error;
        await this.#clock.sleep(SWEEP_PAUSE_MS);
      }
  }

  /** What is published with content that was stored for `database`. */
  manifestOf(
    database: DatabaseState,
    backupId: string,
    kind: BackupKind,
    saved: Saved,
    checkpoint: string | null,
  ): BackupManifest {
    const { id: databaseId, name, engine, url } = database;
    return {
      format: 1,
      backupId,
      databaseId,
      database: name,
      engine,
      url,
      origin: this.#ledger.origin,
      kind,
      createdAt: this.#clock.now(),
      toolVersion: this.toolVersion,
      checkpoint,
      ...saved,
    };
  }

  async #recordFailure(
    database: DatabaseState,
    backupId: string,
    error: Failure,
    context: Context,
  ): Promise<void> {
    await this.#recorder.record(
      database.id,
      [{ type: "BackupFailed", data: { backupId, error } }],
      context,
    );
  }

  async #recordDamage(
    database: DatabaseState,
    backupId: string,
    error: Failure,
    context: Context,
  ): Promise<void> {
    if (!isDamage(error)) return;
    await this.#recorder.record(database.id, damageEvents(database, backupId, error), context);
  }

  #since(began: number): number {
    return Math.round(this.#clock.elapsed() - began);
  }
}

/** A hold of the whole database is one of the backups to come, too. */
const isHeld = ({ holds }: DatabaseState): boolean =>
  [...holds.values()].some(({ backupId }) => backupId === null);

const INTERRUPTED: Failure = {
  code: "interrupted",
  message: "The process ended before the backup was complete",
};

/** Where in a scratch directory the restored copy lies. */
export const scratchFile = (scratch: Scratch): string => `${scratch.path}/copy.sqlite`;
