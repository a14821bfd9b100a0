import type { RecordedEvent } from "../../domain/events.ts";
import { ExpectedVersionConflict } from "../../domain/ledger/errors.ts";
import type { Append, Appended, Checkpoint, ExpectedVersion } from "../../domain/ledger/ledger.ts";
import { Conflict, DomainError, InvalidInput } from "../../domain/shared/errors.ts";
import { draftEvents, type DraftParts } from "../ledger/draft-events.ts";
import type { Settled } from "../ledger/settled.ts";
import type { LedgerConnection } from "./ledger-connection.ts";
import { LedgerHeadState } from "../ledger/ledger-head.ts";
import type { LedgerReader } from "./ledger-reader.ts";
import { LedgerStatements } from "./ledger-statements.ts";

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
  readonly #parts: DraftParts;
  #head: LedgerHeadState;
  /** Versions of streams, valid while the head in memory is. */
  readonly #versions = new Map<string, number>();
  /** Set while the head in memory may be ahead of the file. */
  #stale = false;

  constructor(db: LedgerConnection, reader: LedgerReader, parts: DraftParts) {
    this.#reader = reader;
    this.#statements = new LedgerStatements(db);
    this.#parts = parts;
    this.#head = LedgerHeadState.of(parts.digest, reader);
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
    this.#head = LedgerHeadState.of(this.#parts.digest, this.#reader);
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
    const events = append.events.length === 0 ? [] : this.#insert(append, version);
    for (const content of append.contents ?? []) this.#statements.insertContent(content);
    this.#rememberKeys(append, rangeOf(events));
    return { events, repeated: false };
  }

  #insert(append: Append, version: number): readonly RecordedEvent[] {
    const drafts = draftEvents(append, { index: this.#head.size, version }, this.#parts);
    this.#statements.insertEvents(drafts);
    const { events, frame } = drafts;
    for (const { leafHash } of events) this.#head.push(leafHash);
    this.#head.seeTime(frame.time);
    this.#keepVersion(append.stream, version + events.length);
    return events;
  }

  /** The events of the append that this one repeats, if it does. */
  #known(append: Append): Range | undefined {
    const { idempotency } = append.context;
    const idem = idempotency === undefined ? undefined : this.#reader.idem(idempotency.key);
    if (idem !== undefined) {
      if (idem.requestHash !== idempotency?.requestHash) throw keyReused();
      return idem;
    }
    const once = firstKnown(append.once ?? [], (key) => this.#reader.once(key));
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

  #rememberKeys(append: Append, range: Range): void {
    for (const key of append.once ?? []) this.#statements.insertOnce(key, range.first, range.last);
    this.#rememberRequest(append, range);
  }

  #rememberRequest({ context }: Append, range: Range): void {
    if (context.idempotency !== undefined) {
      this.#statements.insertIdem(context.idempotency, range.first, range.last);
    }
  }
}

function firstKnown<T>(
  keys: readonly string[],
  find: (key: string) => T | undefined,
): T | undefined {
  for (const key of keys) {
    const known = find(key);
    if (known !== undefined) return known;
  }
  return undefined;
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

const rangeOf = (events: readonly RecordedEvent[]): Range => ({
  first: events[0]?.index ?? null,
  last: events.at(-1)?.index ?? null,
});

const keyReused = (): Conflict =>
  new Conflict("idempotency-key-reused", "The idempotency key was used with another request", {
    hint: "Use a new key for a new request",
  });
