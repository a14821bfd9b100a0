import type { AuditRow } from "../../../domain/audit/audit-log.ts";
import type { FoldEvent, RecordedEvent } from "../../../domain/events.ts";
import type {
  Append,
  Appended,
  Checkpoint,
  EventQuery,
  GrowingHead,
  Ledger,
  Remembered,
} from "../../../domain/ledger/ledger.ts";
import { DomainError, NotFound } from "../../../domain/shared/errors.ts";
import { readOnly } from "../../ledger/ledger-errors.ts";
import { damaged } from "../../ledger/ledger-head.ts";
import type { LedgerOptions, LedgerSealer } from "../../ledger/ledger-options.ts";
import type { Settled } from "../../ledger/settled.ts";
import { Checkpoints } from "./checkpoints.ts";
import { isLost, ledgerClosed, sqlState, writeFailed } from "./errors.ts";
import { Follower } from "./follower.ts";
import { GroupQueue } from "./group-queue.ts";
import type { KnownHead } from "./known-head.ts";
import { Listener } from "./listener.ts";
import { openPlace, type OpenedPlace } from "./open-place.ts";
import type { LedgerReader } from "./reader.ts";
import type { LedgerPlace } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { Turns } from "./turns.ts";
import { LedgerWriter } from "./writer.ts";

export interface PostgresLedgerOptions extends LedgerOptions {
  readonly place: LedgerPlace;
  /** Of the lease under which everything is appended: who lost it appends nothing any more. */
  readonly token?: number | undefined;
}

/** Milliseconds of rest after which what was appended is signed, and after which it is in any case. */
const SIGN_AFTER = 50;
const SIGN_WITHIN = 1000;

/** The ledger in a PostgreSQL database, which several processes append to. */
export class PostgresLedger implements Ledger {
  readonly origin: string;
  /** Whether the last append was refused because the server could not be written to. */
  failsToWrite = false;
  readonly #readOnly: boolean;
  readonly #sessions: Sessions;
  readonly #reader: LedgerReader;
  readonly #known: KnownHead;
  readonly #follower: Follower;
  readonly #writer: LedgerWriter;
  readonly #checkpoints: Checkpoints;
  readonly #listener: Listener;
  readonly #turns = new Turns();
  readonly #group = new GroupQueue<Append, Appended>((appends) =>
    this.#turns.run(() => this.#flush(appends)),
  );
  readonly #sealer: LedgerSealer | undefined;
  readonly #complete: (append: Append) => Append;
  #signing: NodeJS.Timeout | undefined;
  /** When something was appended first that is not signed. */
  #unsignedSince: number | undefined;
  #looking = false;
  #closing: Promise<void> | undefined;

  /**
   * Opens the ledger of a database, made with its tables and nothing but an empty head if there is
   * none. Errors: those of `openPlace`, and Unavailable ledger-damaged when the head does not fit a
   * checkpoint signed before.
   */
  static async open(options: PostgresLedgerOptions): Promise<PostgresLedger> {
    const opened = await openPlace(options.place, options);
    try {
      return new PostgresLedger(options, opened);
    } catch (error) {
      await opened.sessions.close();
      throw error;
    }
  }

  /** Over what was opened: it is closed with the ledger. Errors: Unavailable ledger-damaged. */
  constructor(options: PostgresLedgerOptions, opened: OpenedPlace) {
    const { digest, signers, clock, ids, place } = options;
    const { sessions, reader, known, stored } = opened;
    this.origin = signers.name;
    this.#readOnly = options.readOnly ?? false;
    this.#sealer = options.sealer;
    this.#complete = options.complete ?? ((append) => append);
    this.#sessions = sessions;
    this.#reader = reader;
    this.#known = known;
    this.#checkAgainst(stored);
    this.#follower = new Follower(known, reader);
    const head = (): GrowingHead => this.#headNow();
    const parts = { digest, signers, clock, sessions, reader, head };
    this.#checkpoints = new Checkpoints(parts, stored);
    this.#writer = new LedgerWriter({
      place,
      known,
      reader,
      drafts: { digest, clock, ids, place: options },
      catchUp: () => this.#follower.catchUp(),
      token: options.token,
    });
    this.#listener = new Listener(place, (size) => this.#look(size));
    void this.#listener.listen();
    known.subscribe(() => this.#signSoon());
    this.#signSoon();
  }

  append(append: Append): Promise<Appended> {
    if (this.#closing !== undefined) return Promise.reject(ledgerClosed());
    if (this.#readOnly) return Promise.reject(readOnly());
    const whole = this.#complete(append);
    const sealed = this.#sealer?.append(whole) ?? whole;
    return sealed instanceof Promise
      ? sealed.then((one) => this.#group.submit(one))
      : this.#group.submit(sealed);
  }

  async read(query: EventQuery): Promise<readonly RecordedEvent[]> {
    return this.#reader.events(query);
  }

  /** As `read`, but the stored columns with the payload as unparsed text. */
  async readRows(query: EventQuery): Promise<readonly AuditRow[]> {
    return this.#reader.rows(query);
  }

  async *readAll(from: number): AsyncGenerator<RecordedEvent, void, undefined> {
    let next = from;
    for (;;) {
      const events = await this.#reader.chunk(next);
      if (events.length === 0) return;
      yield* events;
      next = events.at(-1)!.index + 1;
    }
  }

  async *readForFold(from: number): AsyncGenerator<readonly FoldEvent[], void, undefined> {
    let next = from;
    for (;;) {
      const events = await this.#reader.forFold(next);
      if (events.length === 0) return;
      yield events;
      next = events.at(-1)!.index + 1;
    }
  }

  async content(digest: string): Promise<string | undefined> {
    return this.#reader.content(digest);
  }

  /** As it is on the server; what others appended has been told to subscribers then. */
  async head(): Promise<GrowingHead> {
    await this.#catchUp();
    return this.#headNow();
  }

  newestCheckpoint(): Checkpoint | undefined {
    return this.#checkpoints.newest;
  }

  /** Who only reads takes the newest that was signed, and signs only where there is none. */
  async checkpoint(): Promise<Checkpoint> {
    await this.#catchUp();
    const signed = this.#readOnly ? await this.#checkpoints.refresh() : undefined;
    if (signed !== undefined) return signed;
    return this.#checkpoints.current(this.#known.size);
  }

  async checkpointFrom(size: number): Promise<Checkpoint> {
    return (await this.#reader.checkpointFrom(size)) ?? (await this.checkpoint());
  }

  subscribe(listener: (events: readonly RecordedEvent[]) => void): () => void {
    return this.#known.subscribe(listener);
  }

  async remembered(key: string): Promise<Remembered | undefined> {
    const row = await this.#reader.idem(key);
    if (row === undefined) return undefined;
    const stored = row.answer ?? undefined;
    const answer =
      stored === undefined || this.#sealer === undefined
        ? stored
        : this.#sealer.storedAnswer(stored);
    return { requestHash: row.requestHash, firstIndex: row.first, answer };
  }

  /** The first answer under a key stays. Errors: NotFound idempotency-key-unknown. */
  async rememberAnswer(key: string, answer: string): Promise<void> {
    if (this.#readOnly) throw readOnly();
    const row = await this.#reader.idem(key);
    if (row === undefined)
      throw new NotFound(
        "idempotency-key-unknown",
        "No append was made under this idempotency key",
      );
    if (row.answer !== null) return;
    const text = (await this.#sealer?.answer(key, answer)) ?? answer;
    const sql = "UPDATE idem SET answer = $2 WHERE key = $1 AND answer IS NULL";
    await this.#sessions.use((client) => client.query(sql, [key, text]));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#signing);
    await this.#group.drain();
    try {
      if (this.#known.size > 0 && !this.#readOnly)
        await this.#checkpoints.current(this.#known.size);
    } catch (error) {
      // Without its server nothing can be signed; whoever opens the ledger next does it.
      if (!(error instanceof DomainError) || error.code !== "ledger-read-failed") throw error;
    } finally {
      await this.#listener.close();
      await this.#turns.run(() => this.#writer.close());
      await this.#sessions.close();
    }
  }

  #headNow(): GrowingHead {
    const { state } = this.#known;
    const { size, hashes: frontier } = state;
    return { origin: this.origin, size, root: state.root(), frontier };
  }

  /** A log must never sign what contradicts a checkpoint that it signed before. */
  #checkAgainst(stored: Checkpoint | undefined): void {
    if (stored === undefined) return;
    const head = this.#headNow();
    if (stored.size > head.size) throw damaged("a signed checkpoint is ahead of it");
    if (stored.size === head.size && !Buffer.from(head.root).equals(stored.root))
      throw damaged("its root is not the one that was signed");
  }

  async #flush(appends: readonly Append[]): Promise<readonly Settled<Appended>[]> {
    try {
      const settled = await this.#writer.write(appends);
      this.failsToWrite = false;
      return settled;
    } catch (error) {
      return await this.#afterFailure(appends, error);
    }
  }

  /**
   * What one append holds broke the group: each gets its own transaction, so that one is refused
   * alone. Any other failure is the server's, and all are refused.
   */
  async #afterFailure(
    appends: readonly Append[],
    error: unknown,
  ): Promise<readonly Settled<Appended>[]> {
    const state = sqlState(error) ?? "";
    if (appends.length === 1 || isLost(error) || !/^(22|23)/.test(state)) {
      const failure = writeFailed(error);
      this.failsToWrite = true;
      return appends.map(() => ({ ok: false, error: failure }));
    }
    const settled: Settled<Appended>[] = [];
    for (const append of appends) settled.push(...(await this.#flush([append])));
    return settled;
  }

  #catchUp(): Promise<void> {
    return this.#closing === undefined
      ? this.#turns.run(() => this.#follower.catchUp())
      : Promise.resolve();
  }

  /**
   * One look at a time; what comes meanwhile is seen by the one that waits. `size`: there are that
   * many, which is no news if this process appended them.
   */
  #look(size = Number.POSITIVE_INFINITY): void {
    if (this.#looking || this.#closing !== undefined || size <= this.#known.size) return;
    this.#looking = true;
    this.#turns
      .run(async () => {
        this.#looking = false;
        if (size > this.#known.size) await this.#follower.catchUp();
      })
      .catch(() => {
        // The next look tries again; an append, or whoever asks for the head, is told why.
      });
  }

  /** Signs, after a while, what was appended: each checkpoint is a commit of its own. */
  #signSoon(): void {
    if (this.#closing !== undefined) return;
    const now = performance.now();
    this.#unsignedSince ??= now;
    clearTimeout(this.#signing);
    // Who only reads gives the one who signs its time.
    const rest = this.#readOnly ? SIGN_WITHIN : SIGN_AFTER;
    const wait = Math.min(rest, Math.max(0, this.#unsignedSince + SIGN_WITHIN - now));
    this.#signing = setTimeout(() => {
      this.#unsignedSince = undefined;
      const { size } = this.#known;
      if (size === 0) return;
      const work = this.#readOnly ? this.#checkpoints.refresh() : this.#checkpoints.current(size);
      work.catch(() => {
        // Nothing is lost: the next append, or whoever asks for a checkpoint, has it signed.
      });
    }, wait).unref();
  }
}
