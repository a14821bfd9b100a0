import type { RecordedEvent } from "../../../domain/events.ts";
import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Digest } from "../../../domain/shared/digest.ts";
import { damaged, LedgerHeadState } from "../../ledger/ledger-head.ts";
import { rolledBack } from "./errors.ts";
import type { SharedHeadRow } from "./reader.ts";

/** Streams whose version is kept in memory. */
const KEPT_VERSIONS = 10_000;

type Listener = (events: readonly RecordedEvent[]) => void;

/**
 * The head of the ledger as far as this process has seen it: every event below it was told to the
 * listeners, in index order, whoever appended it.
 */
export class KnownHead {
  readonly #listeners = new Set<Listener>();
  readonly #versions = new Map<string, number>();
  #head: LedgerHeadState;
  #revision: number;

  constructor(digest: Digest, row: SharedHeadRow) {
    this.#head = new LedgerHeadState(digest, row);
    this.#revision = row.revision;
  }

  get state(): LedgerHeadState {
    return this.#head;
  }

  get size(): number {
    return this.#head.size;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Number of events of a stream, if it is known without asking. */
  version(stream: string): number | undefined {
    return this.#versions.get(stream);
  }

  keepVersion(stream: string, version: number): void {
    if (this.#versions.size >= KEPT_VERSIONS) this.#versions.clear();
    this.#versions.set(stream, version);
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over what this process appended. */
  appended(head: LedgerHeadState, events: readonly RecordedEvent[]): void {
    this.#head = head;
    this.#revision += 1;
    this.#tell(events);
  }

  /**
   * Takes over what others appended: every event from this size to that of the row. Errors:
   * Unavailable ledger-rolled-back, ledger-damaged.
   */
  follow(row: SharedHeadRow, events: readonly RecordedEvent[]): void {
    if (row.size < this.size || row.revision < this.#revision)
      throw rolledBack(this.size, row.size);
    const head = this.#head.copy();
    for (const event of events) {
      if (event.index !== head.size) throw damaged(`event ${head.size} is missing`);
      head.push(event.leafHash);
      head.seeTime(event.time);
    }
    if (head.size !== row.size) throw damaged("events are missing at the end");
    if (!Buffer.from(head.frontier).equals(row.frontier)) throw otherEvents(row.size);
    this.#head = head;
    this.#revision = row.revision;
    this.#tell(events);
  }

  #tell(events: readonly RecordedEvent[]): void {
    for (const { stream, streamVersion } of events) this.keepVersion(stream, streamVersion + 1);
    if (events.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener(events);
      } catch (error) {
        // What is appended is durable whatever a listener does; its fault surfaces on its own.
        setImmediate(() => {
          throw error;
        });
      }
    }
  }
}

/** The same size under another tree: two servers went their own ways. */
const otherEvents = (size: number): Unavailable =>
  new Unavailable(
    "ledger-rolled-back",
    `The ledger's server has other events than were appended here, of ${size}: another copy is in its place`,
    {
      hint: "A standby that took over may lack the last events: docs/guides/postgres-ledger.md says what to do",
      details: { found: size },
    },
  );
