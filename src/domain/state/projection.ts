import { jcs } from "../ledger/jcs.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RecordedEvent } from "../events.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import type { Json } from "../shared/json.ts";
import { BEGAN, matches, type EntityKinds, type EntityQuery, type Kind } from "./entity-query.ts";
import { fold } from "./fold.ts";
import { emptyState, type LedgerState } from "./state.ts";

/**
 * Keeps the ledger's state current: replayed at start, then folded with each durable append, before
 * the appender goes on. Reading `state` is always reading the ledger.
 */
export class Projection {
  readonly #ledger: Ledger;
  readonly #digest: Digest;
  readonly #clock: Clock;
  #state: LedgerState = emptyState();
  #broken: Error | undefined;
  #unsubscribe: () => void = () => {};
  readonly #listeners = new Set<(events: readonly RecordedEvent[]) => void>();

  constructor(ledger: Ledger, digest: Digest, clock: Clock) {
    this.#ledger = ledger;
    this.#digest = digest;
    this.#clock = clock;
  }

  /** The state after every event of the ledger. Throws if the fold stopped. */
  get state(): LedgerState {
    if (this.#broken !== undefined) throw this.#broken;
    return this.#state;
  }

  /** Whatever there ever was under this id, ended or not. */
  async find<K extends Kind>(kind: K, id: string): Promise<EntityKinds[K] | undefined> {
    return this.#live(kind).get(id);
  }

  /** At most `query.limit` of a kind, ended or not, newest first. */
  async list<K extends Kind>(kind: K, query: EntityQuery): Promise<readonly EntityKinds[K][]> {
    const { before = Infinity, limit } = query;
    const began = BEGAN[kind];
    return [...this.#live(kind).values()]
      .filter((entity) => began(entity) < before && matches(entity, query))
      .toSorted((a, b) => began(b) - began(a))
      .slice(0, limit);
  }

  /** Those of the ids that are of this kind. */
  async known(kind: Kind, ids: Iterable<string>): Promise<ReadonlySet<string>> {
    const live = this.#live(kind);
    return new Set([...ids].filter((id) => live.has(id)));
  }

  /** Replays the whole ledger, then follows it. */
  async start(): Promise<void> {
    this.#state = await this.#replay();
    this.#unsubscribe = this.#ledger.subscribe((events) => this.#follow(events));
  }

  /** Resolves when the condition holds after some event, or when `ms` milliseconds are over. */
  async until(condition: () => boolean, ms: number): Promise<void> {
    if (condition()) return;
    let stop: () => void = () => {};
    const changed = new Promise<void>((resolve) => {
      stop = this.onChange(() => {
        if (condition()) resolve();
      });
    });
    await Promise.race([changed, this.#clock.sleep(ms)]);
    stop();
  }

  /** Calls back after each fold of new events, with the state already current. */
  onChange(listener: (events: readonly RecordedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#unsubscribe();
  }

  /**
   * Drops the state, replays every event and compares: the hashes are equal unless a fold is not a
   * function of the events alone. The live state is replaced only if they are.
   */
  async rebuild(): Promise<{ readonly before: string; readonly after: string }> {
    const fresh = await this.#replay();
    // Events appended while replaying are folded too, so that both states are of the same size.
    while (fresh.size < this.state.size)
      for await (const event of this.#ledger.readAll(fresh.size)) fold(fresh, event);
    const before = this.stateHash();
    const after = hashOf(fresh, this.#digest);
    if (before === after) this.#state = fresh;
    return { before, after };
  }

  /** `sha256:` + hex of SHA-256 over JCS(state). */
  stateHash(): string {
    return hashOf(this.state, this.#digest);
  }

  #live<K extends Kind>(kind: K): ReadonlyMap<string, EntityKinds[K]> {
    return this.state[kind] as unknown as ReadonlyMap<string, EntityKinds[K]>;
  }

  async #replay(): Promise<LedgerState> {
    const state = emptyState();
    for await (const event of this.#ledger.readAll(0)) fold(state, event);
    return state;
  }

  /** A fold that throws stops the projection for good: a state that skipped an event would lie. */
  #follow(events: readonly RecordedEvent[]): void {
    if (this.#broken !== undefined) return;
    try {
      for (const event of events) if (event.index >= this.#state.size) fold(this.#state, event);
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error));
      return;
    }
    for (const listener of this.#listeners) listener(events);
  }
}

const hashOf = (state: LedgerState, digest: Digest): string => digest.ofText(jcs(toJson(state)));

/** Maps become objects keyed in JCS order, sets become lists in insertion order. */
function toJson(value: unknown): Json {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, entry]) => [String(key), toJson(entry)]));
  if (value instanceof Set) return [...value].map(toJson);
  if (Array.isArray(value)) return value.map(toJson);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => [key, toJson(entry)]),
    );
  return value as Json;
}
