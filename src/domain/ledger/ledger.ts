import type { Context } from "../shared/actor.ts";
import type { DomainEvent, EventType, FoldEvent, RecordedEvent } from "../events.ts";
import type { Hash } from "../shared/digest.ts";

/**
 * What the writer believes of the stream: an exact number of events, or a mode.
 * All four are enforced; a mismatch is `ExpectedVersionConflict` carrying the real version.
 */
export type ExpectedVersion = number | "none" | "exists" | "any";

/** A text stored beside the events, addressed by its digest (SQL, mostly). */
export interface Content {
  /** `sha256:` + hex over the UTF-8 bytes. */
  readonly digest: string;
  readonly text: string;
}

/** One atomic append to one stream. */
export interface Append {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  /** At least one, unless `context.idempotency` alone is to be remembered. */
  readonly events: readonly DomainEvent[];
  readonly context: Context;
  /** Ids of the events, where something in them is bound to its id. Default: new ones. */
  readonly ids?: readonly string[];
  /** Stored in the same transaction, once per digest. */
  readonly contents?: readonly Content[];
  /**
   * Makes the append itself idempotent: another append under any of these keys writes nothing and
   * returns the events of the first under it (`outcome:<attempt>`; dual-write §1).
   */
  readonly once?: readonly string[];
}

export interface Appended {
  readonly events: readonly RecordedEvent[];
  /** True when `once` or the idempotency key was known: nothing new was written. */
  readonly repeated: boolean;
}

/** Every filter narrows; absent ones do not. `after` is exclusive in the reading direction. */
export interface EventQuery {
  readonly stream?: string;
  readonly types?: readonly EventType[];
  readonly actor?: string;
  readonly correlation?: string;
  /** Inclusive RFC 3339 bounds on the event's time. */
  readonly from?: string;
  readonly to?: string;
  readonly after?: number;
  readonly limit: number;
  readonly order: "asc" | "desc";
}

export interface LedgerHead {
  readonly origin: string;
  /** Number of events; the next index. */
  readonly size: number;
  readonly root: Hash;
}

/** A head with what a later one builds on. */
export interface GrowingHead extends LedgerHead {
  /** Roots of the perfect subtrees, largest first (merkle.ts). */
  readonly frontier: readonly Hash[];
}

/** A signed head: `note` is a C2SP signed note whose text is a tlog-checkpoint. */
export interface Checkpoint {
  readonly size: number;
  readonly root: Hash;
  readonly note: string;
}

/**
 * The append-only record. An append is durable (fsynced) when its promise resolves, or it was
 * refused and nothing was written. Concurrent appends share one transaction.
 */
export interface Ledger {
  readonly origin: string;
  /**
   * Errors: `ExpectedVersionConflict` (code expected-version-conflict) · `Conflict` code
   * idempotency-key-reused when the key was used with another request hash · `InvalidInput` code
   * leaf-too-large · `Unavailable` code ledger-closed | ledger-write-failed.
   */
  append(append: Append): Promise<Appended>;
  /** At most `query.limit` events in index order (or its reverse). */
  read(query: EventQuery): Promise<readonly RecordedEvent[]>;
  /** Every event with index ≥ `from`, in order, without holding them all in memory. */
  readAll(from: number): AsyncIterable<RecordedEvent>;
  /** What folds need of the same, some hundred at a time. Between two others get their turn. */
  readForFold(from: number): AsyncIterable<readonly FoldEvent[]>;
  /** The text of a content, or undefined. */
  content(digest: string): Promise<string | undefined>;
  head(): Promise<GrowingHead>;
  /** The newest checkpoint that is already signed; it may be behind the head. Never waits. */
  newestCheckpoint(): Checkpoint | undefined;
  /** The signed checkpoint of the present head. */
  checkpoint(): Promise<Checkpoint>;
  /**
   * The stored checkpoint of the smallest size that is not below `size`; the head is signed and
   * stored first if there is none yet. Once there is one, it is always the same.
   */
  checkpointFrom(size: number): Promise<Checkpoint>;
  /** Calls back after each durable append, in index order, before the appender's promise resolves. */
  subscribe(listener: (events: readonly RecordedEvent[]) => void): () => void;
  /** What is remembered under an idempotency key: its request hash and, once known, the answer. */
  remembered(key: string): Promise<Remembered | undefined>;
  /** Stores the answer under a key remembered by an append. Durable with the next append or close. */
  rememberAnswer(key: string, answer: string): Promise<void>;
  /** Waits for pending appends, signs and stores the last checkpoint. Idempotent. */
  close(): Promise<void>;
}

export interface Remembered {
  readonly requestHash: string;
  /** Index of the first event of the append, or null when it had none. */
  readonly firstIndex: number | null;
  /** JSON text, or undefined when the process died before the answer was stored. */
  readonly answer: string | undefined;
}
