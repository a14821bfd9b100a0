import type { RecordedEvent } from "../../../domain/events.ts";
import { ExpectedVersionConflict } from "../../../domain/ledger/errors.ts";
import type { Append, ExpectedVersion } from "../../../domain/ledger/ledger.ts";
import type { Idempotency } from "../../../domain/shared/actor.ts";
import { Conflict, DomainError, InvalidInput } from "../../../domain/shared/errors.ts";
import { draftEvents, type DraftParts, type Drafts } from "../../ledger/draft-events.ts";
import type { LedgerHeadState } from "../../ledger/ledger-head.ts";

/** Indexes of the events of an append; null when it had none. */
export interface Span {
  readonly first: number | null;
  readonly last: number | null;
}

/** What is known of the keys and streams that a group names. */
export interface Lookups {
  /** Number of events of a stream; undefined if that was not asked. */
  version(stream: string): number | undefined;
  once(key: string): Span | undefined;
  idem(key: string): (Span & { readonly requestHash: string }) | undefined;
}

/** How one append of a group ends, if the group is written. */
export type Planned =
  | { readonly kind: "written"; readonly events: readonly RecordedEvent[] }
  /** Its keys are known: the events are those of an earlier append. */
  | { readonly kind: "known"; readonly span: Span }
  | { readonly kind: "refused"; readonly error: DomainError };

/** What one transaction writes: decided append by append, in order, on a head of its own. */
export class Batch {
  readonly head: LedgerHeadState;
  readonly drafts: Drafts[] = [];
  readonly contents = new Map<string, string>();
  readonly onceKeys: { readonly key: string; readonly span: Span }[] = [];
  readonly idemKeys: { readonly idempotency: Idempotency; readonly span: Span }[] = [];
  /** Streams that are appended to, with the version that they have before. */
  readonly versionsBefore = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #lookups: Lookups;
  readonly #parts: DraftParts;
  readonly #once = new Map<string, Span>();
  readonly #idem = new Map<string, Span & { readonly requestHash: string }>();

  /** `head` is taken further; nobody else may use it. */
  constructor(head: LedgerHeadState, lookups: Lookups, parts: DraftParts) {
    this.head = head;
    this.#lookups = lookups;
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return (
      this.drafts.length + this.onceKeys.length + this.idemKeys.length + this.contents.size === 0
    );
  }

  /** The events that it writes, in order. */
  get events(): readonly RecordedEvent[] {
    return this.drafts.flatMap(({ events }) => events);
  }

  /** Throws what is no refusal. */
  add(append: Append): Planned {
    try {
      return this.#add(append);
    } catch (error) {
      if (error instanceof DomainError) return { kind: "refused", error };
      throw error;
    }
  }

  #add(append: Append): Planned {
    const known = this.#known(append);
    if (known !== undefined) return { kind: "known", span: known };
    const version = this.#checkVersion(append);
    this.#checkContents(append);
    const events = append.events.length === 0 ? [] : this.#draft(append, version);
    for (const { digest, text } of append.contents ?? []) this.contents.set(digest, text);
    const span = { first: events[0]?.index ?? null, last: events.at(-1)?.index ?? null };
    for (const key of append.once ?? []) {
      this.#once.set(key, span);
      this.onceKeys.push({ key, span });
    }
    this.#rememberRequest(append, span);
    return { kind: "written", events };
  }

  #draft(append: Append, version: number): readonly RecordedEvent[] {
    const drafts = draftEvents(append, { index: this.head.size, version }, this.#parts);
    for (const { leafHash } of drafts.events) this.head.push(leafHash);
    this.head.seeTime(drafts.frame.time);
    this.drafts.push(drafts);
    if (!this.versionsBefore.has(append.stream)) this.versionsBefore.set(append.stream, version);
    this.#versions.set(append.stream, version + drafts.events.length);
    return drafts.events;
  }

  /** The events of the append that this one repeats, if it does. */
  #known(append: Append): Span | undefined {
    const { idempotency } = append.context;
    if (idempotency !== undefined) {
      const { key, requestHash } = idempotency;
      const idem = this.#idem.get(key) ?? this.#lookups.idem(key);
      if (idem !== undefined && idem.requestHash !== requestHash) throw keyReused();
      if (idem !== undefined) return idem;
    }
    for (const key of append.once ?? []) {
      const once = this.#once.get(key) ?? this.#lookups.once(key);
      if (once === undefined) continue;
      this.#rememberRequest(append, once);
      return once;
    }
    return undefined;
  }

  #rememberRequest({ context: { idempotency } }: Append, span: Span): void {
    if (idempotency === undefined) return;
    const { first, last } = span;
    this.#idem.set(idempotency.key, { first, last, requestHash: idempotency.requestHash });
    this.idemKeys.push({ idempotency, span });
  }

  #checkVersion({ stream, expected }: Append): number {
    const actual = this.#versions.get(stream) ?? this.#lookups.version(stream);
    if (actual === undefined) throw new Error(`nobody asked for the version of ${stream}`);
    if (!fits(expected, actual)) throw new ExpectedVersionConflict(stream, expected, actual);
    return actual;
  }

  #checkContents(append: Append): void {
    for (const { digest, text } of append.contents ?? []) {
      if (this.#parts.digest.ofText(text) !== digest)
        throw new InvalidInput("content-digest-wrong", `A content is not what ${digest} names`);
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

const keyReused = (): Conflict =>
  new Conflict("idempotency-key-reused", "The idempotency key was used with another request", {
    hint: "Use a new key for a new request",
  });
