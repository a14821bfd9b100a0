import type { RecordedEvent } from "../events.ts";
import type { GrowingHead, Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { Unavailable, failureOf } from "../shared/errors.ts";
import { BEGAN, matches, type EntityKinds, type EntityQuery, type Kind } from "./entity-query.ts";
import { Folded } from "./folded.ts";
import type { ProjectionStore } from "./projection-store.ts";
import { loadStored, type ProjectionNotice, type Waypoint } from "./stored-projection.ts";
import type { LedgerState } from "./state.ts";

export interface ProjectionParts {
  readonly ledger: Ledger;
  readonly store: ProjectionStore;
  readonly digest: Digest;
  readonly clock: Clock;
  /** Digest of the program code that folds: what other code has folded is folded anew. */
  readonly code: string;
  readonly notify: (notice: ProjectionNotice) => void;
  /** Events after which a start that is far behind stores how far it came. Default 20,000. */
  readonly stretch?: number;
}

/** What ended in so many events takes about 20 MiB until it is stored. */
const STRETCH = 20_000;
/** Events after which what changed is stored at once, and milliseconds after which it is anyway. */
const STORE_EVENTS = 500;
const STORE_AFTER = 1000;

/** What `rebuild` found: the hash of what was shown, and of what the ledger says. */
export interface Rebuilt {
  readonly before: string;
  readonly after: string;
}

/**
 * Keeps the ledger's state current: what was stored by an earlier process and the events since
 * then, and each durable append, before the appender goes on. Reading it is always reading the
 * ledger.
 */
export class Projection {
  readonly #parts: ProjectionParts;
  #folded: Folded;
  #broken: Error | undefined;
  #unsubscribe: () => void = () => {};
  readonly #listeners = new Set<(events: readonly RecordedEvent[]) => void>();
  /** Size of the ledger when the state was last stored. */
  #storedAt = 0;
  /** Writers of the store, one after another. */
  #storing: Promise<unknown> = Promise.resolve();
  #waiting = false;
  /** The last try to store failed: the next one waits, whatever is appended. */
  #failing = false;
  #stopped = false;

  constructor(parts: ProjectionParts) {
    this.#parts = parts;
    this.#folded = Folded.empty(parts.store, parts.digest);
  }

  /** What is open or current, after every event of the ledger. Throws if the fold stopped. */
  get state(): LedgerState {
    if (this.#broken !== undefined) throw this.#broken;
    return this.#folded.state;
  }

  /** Whatever there ever was under this id, ended or not. What is open is the live object. */
  async find<K extends Kind>(kind: K, id: string): Promise<EntityKinds[K] | undefined> {
    return this.#live(kind).get(id) ?? this.#folded.archive.find(kind, id);
  }

  /** At most `query.limit` of a kind, ended or not, newest first. */
  async list<K extends Kind>(kind: K, query: EntityQuery): Promise<readonly EntityKinds[K][]> {
    const { before = Infinity, limit } = query;
    const began = BEGAN[kind];
    const found = new Map<string, EntityKinds[K]>();
    for (const entity of this.#live(kind).values())
      if (began(entity) < before && matches(entity, query)) found.set(entity.id, entity);
    for (const entity of await this.#folded.archive.list(kind, query))
      if (!found.has(entity.id)) found.set(entity.id, entity);
    return [...found.values()].toSorted((a, b) => began(b) - began(a)).slice(0, limit);
  }

  /** Those of the ids that are of this kind. */
  async known(kind: Kind, ids: Iterable<string>): Promise<ReadonlySet<string>> {
    const live = this.#live(kind);
    const all = [...ids];
    const open = all.filter((id) => live.has(id));
    if (open.length === all.length) return new Set(open);
    const others = all.filter((id) => !live.has(id));
    return new Set([...open, ...(await this.#folded.archive.known(kind, others))]);
  }

  /**
   * Takes what was stored, folds the events since then, and follows the ledger. What cannot be used
   * is folded anew. Error: Unavailable code ledger-rolled-back when the ledger is not the one that
   * was stored, or an older copy of it.
   */
  async start(): Promise<void> {
    const { ledger } = this.#parts;
    const stored = await loadStored({ stretch: STRETCH, ...this.#parts });
    this.#storedAt = stored?.folded.size ?? -1;
    if (stored !== undefined) this.#folded = stored.folded;
    else await this.#folded.foldAnew(ledger.readForFold(0));
    await this.#catchUp(stored?.waypoints ?? []);
    this.#unsubscribe = ledger.subscribe((events) => this.#follow(events));
    await this.#store();
  }

  /** Folds what came since, and stores on the way: what has ended must not fill the memory. */
  async #catchUp(waypoints: readonly Waypoint[]): Promise<void> {
    const folded = this.#folded;
    const ahead = new Map(waypoints.map((waypoint) => [waypoint.size, waypoint]));
    for await (const events of this.#parts.ledger.readForFold(folded.size))
      for (const event of events) {
        folded.fold(event);
        const here = ahead.get(folded.size);
        if (here !== undefined) await this.#tried(() => this.#storeOnTheWay(here));
      }
  }

  #storeOnTheWay(waypoint: Waypoint): Promise<void> {
    return this.#parts.store.readOnly ? this.#folded.leaveToOthers() : this.#storeAt(waypoint);
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
    await Promise.race([changed, this.#parts.clock.sleep(ms)]);
    stop();
  }

  /** Calls back after each fold of new events, with the state already current. */
  onChange(listener: (events: readonly RecordedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stores what is not stored yet, so that the next start has nothing to fold. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    await this.#store();
    this.#stopped = true;
    await this.#parts.store.close();
  }

  /**
   * Folds every event into another state and another store, and compares: the hashes are equal
   * unless a fold is not a function of the events alone, or what is stored was changed. What was
   * folded anew then takes the place of what was stored. The live state stays, because work under
   * way holds parts of it; if it is not what the events say, nothing of it can be read any more.
   */
  async rebuild(): Promise<Rebuilt> {
    const rebuilding = this.#storing.then(() => this.#rebuild());
    this.#storing = rebuilding.catch(() => {
      // Whoever asked for it is told.
    });
    return rebuilding;
  }

  async #rebuild(): Promise<Rebuilt> {
    if (this.#broken !== undefined) throw this.#broken;
    const { store, digest, code } = this.#parts;
    const live = this.#folded;
    const counted = await live.countStored();
    const beside = await store.beside();
    try {
      const fresh = Folded.empty(beside, digest);
      const head = await this.#foldToHead(fresh);
      // From here on to the capture of what is stored everything happens in one turn.
      const { inMemory, shown } = live.hashes(counted);
      const after = fresh.hashes().inMemory;
      if (inMemory !== after) this.#broken = differs();
      await live.replaceStored(fresh, code, head);
      return { before: shown, after };
    } catch (error) {
      await beside.close();
      throw error;
    }
  }

  /** Events appended meanwhile are folded too, so that both states are of the same size. */
  async #foldToHead(fresh: Folded): Promise<GrowingHead> {
    const { ledger, clock } = this.#parts;
    for (;;) {
      await fresh.foldAnew(ledger.readForFold(fresh.size));
      const head = await ledger.head();
      if (fresh.size === this.#folded.size && fresh.size === head.size) return head;
      if (this.#broken !== undefined) throw this.#broken;
      await clock.sleep(1);
    }
  }

  #live<K extends Kind>(kind: K): ReadonlyMap<string, EntityKinds[K]> {
    return this.state[kind] as unknown as ReadonlyMap<string, EntityKinds[K]>;
  }

  /** A fold that throws stops the projection for good: a state that skipped an event would lie. */
  #follow(events: readonly RecordedEvent[]): void {
    if (this.#broken !== undefined) return;
    const folded = this.#folded;
    try {
      for (const event of events) if (event.index >= folded.size) folded.fold(event);
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error));
      return;
    }
    for (const listener of this.#listeners) listener(events);
    const much = folded.size - this.#storedAt >= STORE_EVENTS;
    if (much && !this.#failing) void this.#store();
    else this.#storeLater();
  }

  #storeLater(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    void this.#parts.clock.sleep(STORE_AFTER).then(() => {
      this.#waiting = false;
      return this.#store();
    });
  }

  #store(): Promise<unknown> {
    this.#storing = this.#storing.then(() => this.#storeNow());
    return this.#storing;
  }

  async #storeNow(): Promise<void> {
    const folded = this.#folded;
    if (this.#stopped || this.#broken !== undefined || folded.size === this.#storedAt) return;
    await this.#tried(async () => {
      if (this.#parts.store.readOnly) return folded.leaveToOthers();
      const head = await this.#parts.ledger.head();
      // Somebody else appended: what they did is folded first.
      if (head.size !== folded.size) return this.#storeLater();
      await this.#storeAt(head);
    });
  }

  async #storeAt(head: Waypoint): Promise<void> {
    this.#storedAt = this.#folded.size;
    await this.#folded.store(this.#parts.code, head);
    this.#failing = false;
  }

  /** What cannot be stored stays in memory, and is stored with the next try. */
  async #tried(store: () => Promise<void>): Promise<void> {
    const before = this.#storedAt;
    try {
      await store();
    } catch (error) {
      this.#storedAt = before;
      this.#failing = true;
      const { code, message } = failureOf(error);
      const first = "The projection could not be stored; the next start takes longer";
      this.#parts.notify({ level: "error", code, message: `${first}: ${message}` });
    }
  }
}

const differs = (): Unavailable =>
  new Unavailable(
    "projection-differs",
    "The state in memory is not what the events of the ledger say: it is not shown any more",
    { hint: "Start the service again, which folds the ledger anew, and report this fault" },
  );
