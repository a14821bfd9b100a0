import { EVENT_VERSIONS, type RecordedContext, type RecordedEvent } from "../../domain/events.ts";
import { envelopeWriter, MAX_LEAF_BYTES } from "../../domain/ledger/envelope.ts";
import { ExpectedVersionConflict } from "../../domain/ledger/errors.ts";
import type { Append, Appended, Checkpoint, ExpectedVersion } from "../../domain/ledger/ledger.ts";
import { NotJson } from "../../domain/ledger/jcs.ts";
import { leafHash } from "../../domain/ledger/merkle.ts";
import {
  payloadWriter,
  recordedContext,
  recordedPayload,
  SALT_BYTES,
  type Place,
} from "../../domain/ledger/payload.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Conflict, DomainError, InvalidInput } from "../../domain/shared/errors.ts";
import type { Ids } from "../../domain/shared/ids.ts";
import type { Json } from "../../domain/shared/json.ts";
import type { Settled } from "./group-commit.ts";
import type { LedgerConnection } from "./ledger-connection.ts";
import { LedgerHeadState } from "./ledger-head.ts";
import type { LedgerReader } from "./ledger-reader.ts";
import { LedgerStatements, type StoredEvent } from "./ledger-statements.ts";

export interface WriterParts {
  readonly digest: Digest;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly place: Place;
}

/** What is stored beside the events when there is a transaction anyway. */
export interface Extras {
  readonly answers: ReadonlyMap<string, string>;
  readonly checkpoint: Checkpoint | undefined;
}

/** Streams whose version is kept in memory. */
const KEPT_VERSIONS = 10_000;

type Range = { readonly first: number | null; readonly last: number | null };

/** Writes groups of appends, each group in one transaction. */
export class LedgerWriter {
  readonly #reader: LedgerReader;
  readonly #statements: LedgerStatements;
  readonly #parts: WriterParts;
  #head: LedgerHeadState;
  /** Versions of streams, valid while the head in memory is. */
  readonly #versions = new Map<string, number>();
  /** Set while the head in memory may be ahead of the file. */
  #stale = false;

  constructor(db: LedgerConnection, reader: LedgerReader, parts: WriterParts) {
    this.#reader = reader;
    this.#statements = new LedgerStatements(db);
    this.#parts = parts;
    this.#head = new LedgerHeadState(parts.digest, reader);
  }

  /** The head of what is committed. */
  get head(): LedgerHeadState {
    if (this.#stale) this.#reload();
    return this.#head;
  }

  /**
   * Commits a group: each append is written or refused on its own. Throws when nothing of the
   * group was written.
   */
  write(appends: readonly Append[], extras: Extras): Settled<Appended>[] {
    this.#statements.begin();
    try {
      this.#follow();
      const { size } = this.#head;
      const settled = appends.map((append) => this.#settle(append));
      this.#statements.storeExtras(extras, this.#parts.clock);
      if (this.#head.size > size) this.#statements.updateHead(this.#head);
      this.#statements.commit();
      return settled;
    } catch (error) {
      this.#stale = true;
      this.#statements.rollback();
      throw error;
    }
  }

  /** Takes over what another process appended since. */
  #follow(): void {
    if (this.#stale || this.#reader.size() !== this.#head.size) this.#reload();
  }

  #reload(): void {
    this.#head = new LedgerHeadState(this.#parts.digest, this.#reader);
    this.#versions.clear();
    this.#stale = false;
  }

  #settle(append: Append): Settled<Appended> {
    try {
      return { ok: true, value: this.#append(append) };
    } catch (error) {
      // A refusal is decided before the first insert; anything else undoes the whole group.
      if (error instanceof DomainError) return { ok: false, error };
      throw error;
    }
  }

  #append(append: Append): Appended {
    const known = this.#known(append);
    if (known !== undefined) return { events: this.#eventsOf(known), repeated: true };
    const version = this.#checkVersion(append);
    this.#checkContents(append);
    const drafts = this.#draft(append, version);
    this.#statements.insertEvents(drafts);
    for (const { event } of drafts) {
      this.#head.push(event.leafHash);
      this.#head.seeTime(event.time);
    }
    this.#keepVersion(append.stream, version + drafts.length);
    for (const content of append.contents ?? []) this.#statements.insertContent(content);
    this.#rememberKeys(append, rangeOf(drafts));
    return { events: drafts.map((draft) => draft.event), repeated: false };
  }

  /** The events of the append that this one repeats, if it does. */
  #known(append: Append): Range | undefined {
    const { idempotency } = append.context;
    const idem = idempotency === undefined ? undefined : this.#reader.idem(idempotency.key);
    if (idem !== undefined) {
      if (idem.requestHash !== idempotency?.requestHash) throw keyReused();
      return idem;
    }
    const once = append.once === undefined ? undefined : this.#reader.once(append.once);
    if (once !== undefined) this.#rememberRequest(append, once);
    return once;
  }

  #eventsOf(range: Range): readonly RecordedEvent[] {
    return range.first === null || range.last === null
      ? []
      : this.#reader.between(range.first, range.last);
  }

  #checkVersion({ stream, expected }: Append): number {
    const actual = this.#versions.get(stream) ?? this.#reader.streamVersion(stream);
    if (!fits(expected, actual)) throw new ExpectedVersionConflict(stream, expected, actual);
    return actual;
  }

  #keepVersion(stream: string, version: number): void {
    if (this.#versions.size >= KEPT_VERSIONS) this.#versions.clear();
    this.#versions.set(stream, version);
  }

  #checkContents(append: Append): void {
    for (const { digest, text } of append.contents ?? []) {
      if (this.#parts.digest.ofText(text) !== digest) {
        throw new InvalidInput("content-digest-wrong", `A content is not what ${digest} names`);
      }
    }
  }

  #draft(append: Append, version: number): readonly StoredEvent[] {
    if (append.events.length === 0) return [];
    try {
      return this.#drafts(append, version);
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      throw new InvalidInput("event-not-json", `An event has no JSON form: ${error.message}`);
    }
  }

  #drafts({ stream, events, context }: Append, version: number): readonly StoredEvent[] {
    const { digest, ids, clock, place } = this.#parts;
    const frame = {
      actor: context.actor,
      causation: context.causation ?? null,
      correlation: context.correlation ?? context.requestId,
      stream,
      time: clock.now(),
    };
    const recorded = recordedContext(context, place);
    const payloadText = payloadWriter(recorded);
    const leafText = envelopeWriter(frame);
    const salts = ids.random(SALT_BYTES * events.length);
    return events.map((event, i) => {
      const salt = salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES);
      const { data, payload } = recordedPayload(event, payloadText);
      const facts = {
        dataHash: digest.ofSaltedText(salt, payload),
        id: ids.uuid(),
        index: this.#head.size + i,
        streamVersion: version + i,
        type: event.type,
        v: EVENT_VERSIONS[event.type],
      };
      const leaf = digest.utf8(leafText(facts));
      if (leaf.length > MAX_LEAF_BYTES) throw leafTooLarge(leaf.length);
      return {
        event: this.#recorded(frame, facts, recorded, data, leaf),
        v: facts.v,
        leaf,
        salt,
        payload,
      };
    });
  }

  #recorded(
    frame: {
      actor: RecordedEvent["actor"];
      causation: string | null;
      correlation: string;
      stream: string;
      time: string;
    },
    facts: { id: string; index: number; streamVersion: number; type: string },
    context: RecordedContext,
    data: Json,
    leaf: Uint8Array,
  ): RecordedEvent {
    return {
      type: facts.type,
      data,
      index: facts.index,
      id: facts.id,
      stream: frame.stream,
      streamVersion: facts.streamVersion,
      time: frame.time,
      actor: frame.actor,
      correlation: frame.correlation,
      causation: frame.causation,
      context,
      leafHash: leafHash(this.#parts.digest.sha256, leaf),
    } as unknown as RecordedEvent;
  }

  #rememberKeys(append: Append, range: Range): void {
    if (append.once !== undefined)
      this.#statements.insertOnce(append.once, range.first, range.last);
    this.#rememberRequest(append, range);
  }

  #rememberRequest({ context }: Append, range: Range): void {
    if (context.idempotency !== undefined) {
      this.#statements.insertIdem(context.idempotency, range.first, range.last);
    }
  }
}

function fits(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case "any":
      return true;
    case "none":
      return actual === 0;
    case "exists":
      return actual > 0;
    default:
      return expected === actual;
  }
}

const rangeOf = (drafts: readonly StoredEvent[]): Range => ({
  first: drafts[0]?.event.index ?? null,
  last: drafts.at(-1)?.event.index ?? null,
});

const keyReused = (): Conflict =>
  new Conflict("idempotency-key-reused", "The idempotency key was used with another request", {
    hint: "Use a new key for a new request",
  });

const leafTooLarge = (bytes: number): InvalidInput =>
  new InvalidInput("leaf-too-large", `A leaf of ${bytes} bytes is above ${MAX_LEAF_BYTES}`, {
    hint: "Shorten the stream's name, the correlation or the causation; data is not part of it",
    details: { bytes, limit: MAX_LEAF_BYTES },
  });
