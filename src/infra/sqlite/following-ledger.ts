import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import type { AuditRow } from "../../domain/audit/audit-log.ts";
import type { FoldEvent, RecordedEvent } from "../../domain/events.ts";
import type {
  Appended,
  Checkpoint,
  EventQuery,
  GrowingHead,
  Ledger,
  Remembered,
} from "../../domain/ledger/ledger.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { recordedEvent } from "../ledger/event-row.ts";
import type { LedgerConnection } from "./ledger-connection.ts";
import { LedgerHeadState } from "../ledger/ledger-head.ts";
import { LedgerReader } from "./ledger-reader.ts";
import { readOnly } from "../ledger/ledger-errors.ts";

type Listener = (events: readonly RecordedEvent[]) => void;

/** Milliseconds between two looks for what was appended. */
const LOOK_EVERY = 100;
/** Chunks that are handed on before others get their turn. */
const CHUNKS = 4;
/** How long a signature is waited for that the writer makes a moment after an append, ms. */
const SIGNED_WITHIN = 2000;

/**
 * A ledger that another process writes: read through a connection that cannot write, and followed by
 * looking again and again. It has no key: checkpoints are those that the writer has stored.
 */
export class FollowingLedger implements Ledger {
  readonly origin: string;
  readonly #db: LedgerConnection;
  readonly #digest: Digest;
  readonly #reader: LedgerReader;
  readonly #listeners = new Set<Listener>();
  #size: number;
  /** When it was looked last, and without trouble. */
  #lookedAt = performance.now();
  /** When something was found to be appended. */
  #grewAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(db: LedgerConnection, digest: Digest) {
    this.#db = db;
    this.#digest = digest;
    this.#reader = new LedgerReader(db);
    this.#size = this.#reader.size();
    this.origin = this.#reader.head().origin;
  }

  /** Looks for what is appended from now on; `onError` is told of what keeps it from looking. */
  follow(onError: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      try {
        this.#look();
      } catch (error) {
        onError(error);
      }
    }, LOOK_EVERY);
  }

  /** How far it follows: milliseconds since it could look, and how many events there are now. */
  lag(): { readonly lookedAgo: number; readonly size: number } {
    const lookedAgo = performance.now() - this.#lookedAt;
    try {
      return { lookedAgo, size: this.#reader.size() };
    } catch {
      // What cannot be read is not looked at, either: its age says so.
      return { lookedAgo, size: this.#size };
    }
  }

  append(): Promise<Appended> {
    return Promise.reject(readOnly());
  }

  async read(query: EventQuery): Promise<readonly RecordedEvent[]> {
    return this.#reader.events(query);
  }

  readRows(query: EventQuery): readonly AuditRow[] {
    return this.#reader.rows(query);
  }

  async *readAll(from: number): AsyncGenerator<RecordedEvent, void, undefined> {
    let next = from;
    for (;;) {
      const rows = this.#reader.chunk(next);
      if (rows.length === 0) return;
      for (const row of rows) yield recordedEvent(row);
      next = rows.at(-1)!.index + 1;
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
    // Of one moment: the head and the events that it is compared with.
    return this.#db.transaction(() => {
      const head = LedgerHeadState.of(this.#digest, this.#reader);
      const { size, hashes: frontier } = head;
      return { origin: this.origin, size, root: head.root(), frontier };
    })();
  }

  newestCheckpoint(): Checkpoint | undefined {
    return this.#reader.newestCheckpoint();
  }

  /** The newest that the writer has signed: a moment after an append it is still on its way. */
  async checkpoint(): Promise<Checkpoint> {
    const size = this.#reader.size();
    const checkpoint = (await this.#signed(size)) ?? this.#reader.newestCheckpoint();
    if (checkpoint !== undefined) return checkpoint;
    throw unsigned(size);
  }

  async checkpointFrom(size: number): Promise<Checkpoint> {
    const checkpoint = await this.#signed(size);
    if (checkpoint !== undefined) return checkpoint;
    throw unsigned(size);
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async remembered(): Promise<Remembered | undefined> {
    return undefined;
  }

  rememberAnswer(): Promise<void> {
    return Promise.reject(readOnly());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    this.#db.close();
  }

  /** Waits for a signature only if something was appended just now: a dead writer signs nothing. */
  async #signed(size: number): Promise<Checkpoint | undefined> {
    this.#look();
    for (;;) {
      const found = this.#reader.checkpointFrom(size);
      if (found !== undefined) return found;
      if (this.#closed || performance.now() > this.#grewAt + SIGNED_WITHIN) return undefined;
      await delay(LOOK_EVERY / 4, undefined, { ref: false });
    }
  }

  #look(): void {
    for (let chunks = 0; chunks < CHUNKS; chunks++) {
      const rows = this.#reader.chunk(this.#size);
      this.#lookedAt = performance.now();
      if (rows.length === 0) return;
      const events = rows.map(recordedEvent);
      this.#size = rows.at(-1)!.index + 1;
      this.#grewAt = performance.now();
      for (const listener of this.#listeners) listener(events);
    }
  }
}

const unsigned = (size: number): Unavailable =>
  new Unavailable("checkpoint-missing", `The writer has signed no checkpoint of ${size} events`, {
    hint: "Start the service that writes this ledger: it signs what it has recorded",
  });
