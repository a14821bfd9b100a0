import { ledgerTarget } from "./ledger-target.ts";
import type { BackupManifest, StoredContent } from "../backup/backup-store.ts";
import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Executor } from "../engine/executor.ts";
import { SERVICE_STREAM, type DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { DomainError, failureOf } from "../shared/errors.ts";
import type { Ids } from "../shared/ids.ts";
import type { Projection } from "../state/projection.ts";
import type { LedgerState } from "../state/state.ts";
import type { LedgerCopies } from "./ledger-copies.ts";

export interface LedgerBackupParts {
  readonly ledger: Ledger;
  readonly copies: LedgerCopies;
  readonly projection: Projection;
  readonly keeper: BackupKeeper;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly report: (error: unknown) => void;
  /** How long it waits for what follows at once, ms. Null: none are taken by themselves. */
  readonly delayMs: number | null;
}

/** A backup of the ledger is followed by a rest of so many times as long: it is never busy with it. */
const REST = 5;

/** How long it waits for runs to end at most, and between two looks, ms. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 200;

/** Backups of the ledger that are kept. */
const KEPT = 3;
/** Older ones that go at once: where the place keeps them for a time there may be very many. */
const MOST_REPLACED = 8;

/**
 * Backs the ledger up into the store after every run, so that the store alone can bring everything
 * back. One at a time, in the background; what happens meanwhile is in the next one.
 */
export class LedgerBackups {
  readonly #parts: LedgerBackupParts;
  #stopped = false;
  #tookMs = 0;
  #stop: () => void = () => {};
  readonly #stopping = new Promise<void>((resolve) => (this.#stop = resolve));
  #running: Promise<void> | undefined;

  constructor(parts: LedgerBackupParts) {
    this.#parts = parts;
  }

  /** Follows the ledger, and makes up for what an earlier process left. Returns what ends it. */
  start(context: Context): () => Promise<void> {
    const { projection, delayMs } = this.#parts;
    if (delayMs === null) return () => Promise.resolve();
    const want = (): void => {
      if (!this.#stopped && projection.state.ledgerBackups.due) this.#want(context, delayMs);
    };
    const unsubscribe = projection.onChange(want);
    want();
    return async () => {
      unsubscribe();
      this.#stopped = true;
      this.#stop();
      await this.#running;
      // What was recorded while that one was being written.
      if (projection.state.ledgerBackups.due) await this.#takeOne(context);
    };
  }

  /** Takes one now; after those that are under way. */
  async take(context: Context): Promise<void> {
    await this.#running;
    await this.#settle(context);
    await this.#takeOne(context);
  }

  #want(context: Context, delayMs: number): void {
    this.#running ??= this.#run(context, delayMs)
      .catch(this.#parts.report)
      .finally(() => {
        this.#running = undefined;
        // What was recorded while the last one was being written.
        if (!this.#stopped && this.#parts.projection.state.ledgerBackups.due)
          this.#want(context, delayMs);
      });
  }

  async #run(context: Context, delayMs: number): Promise<void> {
    await this.#settle(context);
    const rest = Math.max(delayMs, this.#tookMs * REST);
    await this.#pause(rest);
    await this.#untilNothingRuns();
    const began = this.#parts.clock.elapsed();
    await this.#takeOne(context);
    this.#tookMs = this.#parts.clock.elapsed() - began;
  }

  #pause(ms: number): Promise<void> {
    return Promise.race([this.#parts.clock.sleep(ms), this.#stopping]);
  }

  /** A run's end is followed by a backup anyway, and a brief run would feel this one. */
  async #untilNothingRuns(): Promise<void> {
    const { clock, projection } = this.#parts;
    const began = clock.elapsed();
    while (!this.#stopped && isRunning(projection.state) && clock.elapsed() - began < PATIENCE_MS)
      await this.#pause(LOOK_MS);
  }

  /** The store says what became of the one that a dead process had begun. */
  async #settle(context: Context): Promise<void> {
    const { projection, keeper } = this.#parts;
    const { open } = projection.state.ledgerBackups;
    if (open === null) return;
    const manifest = await keeper.store.manifest(open);
    if (manifest === undefined) {
      await keeper.store.discard(open);
      const error = { code: "interrupted", message: "The process ended before it was complete" };
      await this.#record({ type: "LedgerBackupFailed", data: { backupId: open, error } }, context);
      return;
    }
    const { bytes, storedBytes, sha256 } = manifest.content;
    const sizes = { size: null, bytes, storedBytes, sha256, durationMs: 0 };
    const data = { backupId: open, ...sizes, recovered: true };
    await this.#record({ type: "LedgerBackupCompleted", data }, context);
  }

  async #takeOne(context: Context): Promise<void> {
    const { projection, keeper, ids, clock } = this.#parts;
    const backupId = ids.uuid();
    const began = clock.elapsed();
    const { kept } = projection.state.ledgerBackups;
    const replaces = kept.slice(0, Math.min(MOST_REPLACED, Math.max(0, kept.length + 1 - KEPT)));
    await this.#record({ type: "LedgerBackupStarted", data: { backupId, replaces } }, context);
    try {
      const { size, content, storedBytes } = await this.#store(backupId, kept.at(-1) ?? null);
      const locked = await this.#letGo(replaces);
      const { bytes, sha256 } = content;
      const durationMs = Math.round(clock.elapsed() - began);
      const left = locked.length === 0 ? {} : { locked };
      const data = { backupId, size, bytes, storedBytes, sha256, durationMs, ...left };
      await this.#record({ type: "LedgerBackupCompleted", data }, context);
    } catch (error) {
      await keeper.store.discard(backupId);
      const data = { backupId, error: failureOf(error) };
      await this.#record({ type: "LedgerBackupFailed", data }, context);
      this.#parts.report(error);
    }
  }

  /** Those that the place keeps for a time: the next one tries again. */
  async #letGo(replaced: readonly string[]): Promise<readonly string[]> {
    const locked: string[] = [];
    for (const old of replaced)
      try {
        await this.#parts.keeper.store.remove(old);
      } catch (error) {
        if (failureOf(error).code !== "backup-locked") throw error;
        locked.push(old);
      }
    return locked;
  }

  async #store(
    backupId: string,
    parent: string | null,
  ): Promise<{ size: number; content: StoredContent; storedBytes: number }> {
    const { keeper, ledger, copies } = this.#parts;
    const scratch = await keeper.store.scratch(backupId);
    try {
      // Before the copy: a checkpoint that is ahead of it would speak against it for ever.
      const { note } = await ledger.checkpoint();
      const path = `${scratch.path}/ledger.db`;
      const { size } = await copies.copyTo(path);
      const content = await this.#write(backupId, parent, path);
      const manifest = this.#manifest(backupId, content, note);
      const { storedBytes } = await keeper.store.publish(backupId, manifest);
      return { size, content, storedBytes };
    } finally {
      await scratch.dispose();
    }
  }

  async #write(backupId: string, parent: string | null, path: string): Promise<StoredContent> {
    const { keeper, executor, ledger } = this.#parts;
    const access = await keeper.begin(backupId, parent);
    const session = await executor.open(ledgerTarget(path, ledger.origin), QUIET);
    try {
      return (await session.engine.rawCopy(access)).content;
    } finally {
      await session.close();
    }
  }

  #manifest(backupId: string, content: StoredContent, checkpoint: string): BackupManifest {
    const { ledger, clock, keeper } = this.#parts;
    return {
      format: 1,
      backupId,
      databaseId: ledger.origin,
      database: "ledger",
      engine: "sqlite",
      url: null,
      origin: ledger.origin,
      kind: LEDGER_KIND,
      fingerprint: null,
      rows: {},
      applied: [],
      incarnation: "",
      createdAt: clock.now(),
      toolVersion: keeper.toolVersion,
      checkpoint,
      content,
    };
  }

  async #record(event: DomainEvent, context: Context): Promise<void> {
    const append = { stream: SERVICE_STREAM, expected: "any", events: [event], context } as const;
    await this.#parts.ledger.append(append);
  }
}

const isRunning = ({ databases, runs }: LedgerState): boolean =>
  [...databases.values()].some(({ openRuns }) =>
    [...openRuns].some((id) => runs.get(id)?.status === "running"),
  );

/** The kind of the ledger's manifests. */
export const LEDGER_KIND = "ledger";

const QUIET = {
  onProgress: (): void => {},
  onTablesSaved: (): Promise<void> =>
    Promise.reject(new DomainError("internal", "No step runs here")),
};
