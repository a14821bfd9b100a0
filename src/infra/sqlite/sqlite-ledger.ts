import { setImmediate as nextTurn } from "node:timers/promises";
import type { FoldEvent, RecordedEvent } from "../../domain/events.ts";
import type {
  Append,
  Appended,
  Checkpoint,
  EventQuery,
  Ledger,
  GrowingHead,
  Remembered,
} from "../../domain/ledger/ledger.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { CheckpointKeeper } from "./checkpoint-keeper.ts";
import type { AuditRow } from "../../domain/audit/audit-log.ts";
import { recordedEvent } from "../ledger/event-row.ts";
import { GroupCommit } from "./group-commit.ts";
import { openLedgerFile, type LedgerConnection } from "./ledger-connection.ts";
import { openFailed, readOnly, writeFailed } from "../ledger/ledger-errors.ts";
import type { LedgerOptions, LedgerSealer } from "../ledger/ledger-options.ts";
import type { Settled } from "../ledger/settled.ts";
import { damaged, LedgerHeadState } from "../ledger/ledger-head.ts";
import { ledgerClosed, LedgerReader } from "./ledger-reader.ts";
import type { SearchIndex } from "./search-index.ts";
import { LedgerWriter } from "./ledger-writer.ts";

export interface SqliteLedgerOptions extends LedgerOptions {
  /** The ledger file; its directory exists. */
  readonly file: string;
}

type Listener = (events: readonly RecordedEvent[]) => void;

/** Milliseconds of rest after which a checkpoint or an answer is stored without an append. */
const TIDY_AFTER = 50;

/** The ledger in one SQLite file. */
export class SqliteLedger implements Ledger {
  readonly origin: string;
  readonly #db: LedgerConnection;
  readonly #digest: Digest;
  readonly #reader: LedgerReader;
  /** Absent when the ledger is only read. */
  readonly #writer: LedgerWriter | undefined;
  readonly #keeper: CheckpointKeeper;
  readonly #group = new GroupCommit<Append, Appended>((appends) => this.#flush(appends));
  readonly #listeners = new Set<Listener>();
  readonly #sealer: LedgerSealer | undefined;
  readonly #complete: (append: Append) => Append;
  #answers = new Map<string, string>();
  #tidy: NodeJS.Timeout | undefined;
  /** Whether something was appended since the last tidying. */
  #busy = false;
  #closing: Promise<void> | undefined;

  /**
   * Opens the file, made with nothing but an empty head if it does not exist. Errors: those of
   * `openLedgerFile`, and Unavailable ledger-damaged when the head does not fit the events or a
   * checkpoint signed before.
   */
  static open(options: SqliteLedgerOptions): SqliteLedger {
    const origin = options.origin ?? options.signers.name;
    if (origin !== options.signers.name) {
      throw new InvalidInput(
        "origin-is-not-signer",
        `${options.signers.name} cannot sign ${origin}`,
        { hint: "Name the signing key as the ledger" },
      );
    }
    const db = openLedgerFile(options.file, { origin, readOnly: options.readOnly ?? false });
    try {
      return new SqliteLedger(db, options);
    } catch (error) {
      db.close();
      throw openFailed(options.file, error);
    }
  }

  private constructor(db: LedgerConnection, options: SqliteLedgerOptions) {
    const { digest, signers, clock, ids } = options;
    this.origin = signers.name;
    this.#sealer = options.sealer;
    this.#complete = options.complete ?? ((append) => append);
    this.#db = db;
    this.#digest = digest;
    this.#reader = new LedgerReader(db);
    this.#writer =
      options.readOnly === true
        ? undefined
        : new LedgerWriter(db, this.#reader, { digest, clock, ids, place: options });
    const stored = this.#reader.newestCheckpoint();
    this.#checkAgainst(stored);
    this.#keeper = new CheckpointKeeper(digest, signers, () => this.#headNow(), stored);
    this.#tidySoon();
  }

  append(append: Append): Promise<Appended> {
    if (this.#closing !== undefined) return Promise.reject(ledgerClosed());
    if (this.#writer === undefined) return Promise.reject(readOnly());
    const whole = this.#complete(append);
    const sealed = this.#sealer?.append(whole) ?? whole;
    return sealed instanceof Promise
      ? sealed.then((one) => this.#group.submit(one))
      : this.#group.submit(sealed);
  }

  /** Has queries with several filters answered by an index in a file of its own. */
  searchWith(file: string, onError: (error: unknown) => void = () => {}): SearchIndex {
    const index = this.#reader.searchWith(file, this.origin, onError);
    this.subscribe(() => index.follow());
    index.follow();
    return index;
  }

  async read(query: EventQuery): Promise<readonly RecordedEvent[]> {
    return this.#reader.events(query);
  }

  /** As `read`, but the stored columns with the payload as unparsed text. */
  readRows(query: EventQuery): readonly AuditRow[] {
    return this.#reader.rows(query);
  }

  async *readAll(from: number): AsyncGenerator<RecordedEvent, void, undefined> {
    let next = from;
    for (;;) {
      // One statement a chunk: no read transaction stays open while the caller works.
      const rows = this.#reader.chunk(next);
      if (rows.length === 0) return;
      for (const row of rows) yield recordedEvent(row);
      next = rows.at(-1)!.index + 1;
      // Nothing above waits for anything: requests would, for as long as it takes to read it all.
      await nextTurn();
    }
  }

  async *readForFold(from: number): AsyncGenerator<readonly FoldEvent[], void, undefined> {
    let next = from;
    for (;;) {
      const events = this.#reader.forFold(next);
      if (events.length === 0) return;
      yield events;
      next = events.at(-1)!.index + 1;
      await nextTurn();
    }
  }

  async content(digest: string): Promise<string | undefined> {
    return this.#reader.content(digest);
  }

  async head(): Promise<GrowingHead> {
    return this.#headNow();
  }

  newestCheckpoint(): Checkpoint | undefined {
    return this.#keeper.newest;
  }

  async checkpoint(): Promise<Checkpoint> {
    const checkpoint = await this.#keeper.current(this.#headState().size);
    this.#tidySoon();
    return checkpoint;
  }

  async checkpointFrom(size: number): Promise<Checkpoint> {
    const known = this.#reader.checkpointFrom(size);
    if (known !== undefined) return known;
    if (this.#writer !== undefined) await this.#store();
    return this.#reader.checkpointFrom(size) ?? (await this.checkpoint());
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async remembered(key: string): Promise<Remembered | undefined> {
    const row = this.#reader.idem(key);
    if (row === undefined) return undefined;
    const stored = row.answer ?? this.#answers.get(key);
    const answer =
      stored === undefined || this.#sealer === undefined
        ? stored
        : this.#sealer.storedAnswer(stored);
    return { requestHash: row.requestHash, firstIndex: row.first, answer };
  }

  /** The first answer under a key stays. Errors: NotFound idempotency-key-unknown. */
  async rememberAnswer(key: string, answer: string): Promise<void> {
    if (this.#writer === undefined) throw readOnly();
    const row = this.#reader.idem(key);
    if (row === undefined) {
      throw new NotFound(
        "idempotency-key-unknown",
        "No append was made under this idempotency key",
      );
    }
    if (row.answer !== null || this.#answers.has(key)) return;
    this.#answers.set(key, (await this.#sealer?.answer(key, answer)) ?? answer);
    this.#tidySoon();
  }

  /** The last transaction failed: nothing can be recorded. */
  failsToWrite = false;

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#tidy);
    await this.#group.drain();
    try {
      if (this.#writer !== undefined) await this.#store();
    } finally {
      clearTimeout(this.#tidy);
      this.#reader.search?.close();
      this.#db.close();
    }
  }

  #headState(): LedgerHeadState {
    return this.#writer?.head ?? LedgerHeadState.of(this.#digest, this.#reader);
  }

  #headNow(): GrowingHead {
    const head = this.#headState();
    const { size, hashes: frontier } = head;
    return { origin: this.origin, size, root: head.root(), frontier };
  }

  /** A log must never sign what contradicts a checkpoint that it signed before. */
  #checkAgainst(stored: Checkpoint | undefined): void {
    if (stored === undefined) return;
    const head = this.#headNow();
    if (stored.size > head.size) throw damaged("a signed checkpoint is ahead of it");
    if (stored.size === head.size && !Buffer.from(head.root).equals(stored.root)) {
      throw damaged("its root is not the one that was signed");
    }
  }

  #flush(appends: readonly Append[]): readonly Settled<Appended>[] {
    let settled: readonly Settled<Appended>[];
    try {
      settled = this.#write(appends);
    } catch (error) {
      settled = this.#afterFailure(appends, error);
    }
    this.#publish(settled);
    return settled;
  }

  #write(appends: readonly Append[]): readonly Settled<Appended>[] {
    const answers = this.#answers;
    const checkpoint = this.#keeper.unstored;
    const settled = this.#writer!.write(appends, { answers, checkpoint });
    this.#answers = new Map();
    this.#keeper.markStored(checkpoint);
    this.failsToWrite = false;
    return settled;
  }

  /**
   * A constraint that only SQL knows broke the group: each append gets its own transaction, so
   * that one refuses alone. Any other failure is the file's, and all are refused.
   */
  #afterFailure(appends: readonly Append[], error: unknown): readonly Settled<Appended>[] {
    if (appends.length > 1 && codeOf(error).startsWith("SQLITE_CONSTRAINT")) {
      return appends.flatMap((append) => {
        try {
          return this.#write([append]);
        } catch (own) {
          return [{ ok: false, error: writeFailed(own) }];
        }
      });
    }
    this.failsToWrite = true;
    return appends.map(() => ({ ok: false, error: writeFailed(error) }));
  }

  #publish(settled: readonly Settled<Appended>[]): void {
    const events = settled.flatMap((one) =>
      one.ok && !one.value.repeated ? one.value.events : [],
    );
    if (events.length === 0) return;
    this.#busy = true;
    this.#tidySoon();
    for (const listener of this.#listeners) {
      try {
        listener(events);
      } catch (error) {
        // The append is durable whatever a listener does; its fault surfaces on its own.
        setImmediate(() => {
          throw error;
        });
      }
    }
  }

  /** Signs and stores, after a while, what no append carries along. */
  #tidySoon(): void {
    if (this.#writer === undefined || this.#closing !== undefined) return;
    this.#tidy ??= setTimeout(() => {
      this.#tidy = undefined;
      this.#tidyUp().catch(() => {
        // Nothing is lost: checkpoint and answers are kept, the next append or close stores them,
        // and whoever asks for a checkpoint or closes the ledger gets the error.
      });
    }, TIDY_AFTER).unref();
  }

  /** While there are appends, they carry along what is signed: no transaction for it alone. */
  async #tidyUp(): Promise<void> {
    if (!this.#busy) return await this.#store();
    this.#busy = false;
    await this.#sign();
    this.#tidySoon();
  }

  async #sign(): Promise<void> {
    const { size } = this.#headState();
    // A new file stays empty but for its head until its first event.
    if (size > 0) await this.#keeper.current(size);
  }

  async #store(): Promise<void> {
    await this.#sign();
    if (!this.#db.open) return;
    if (this.#keeper.unstored === undefined && this.#answers.size === 0) return;
    try {
      this.#write([]);
    } catch (error) {
      throw writeFailed(error);
    }
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";
