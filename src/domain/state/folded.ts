import type { FoldEvent } from "../events.ts";
import type { GrowingHead } from "../ledger/ledger.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError, Unavailable } from "../shared/errors.ts";
import { Archive } from "./archive.ts";
import { DigestSum, entityDigest } from "./digest-sum.ts";
import { Entities } from "./entities.ts";
import { entityText, fromText } from "./entity-text.ts";
import { fold } from "./fold.ts";
import type {
  EntityRef,
  OpenEntity,
  ProjectionMark,
  ProjectionStore,
  StoredProjection,
} from "./projection-store.ts";
import { emptyState, type LedgerState } from "./state.ts";

/** Ended entities that are stored at once while the whole ledger is folded. */
const BATCH = 500;

/** Everything that the events folded so far say: the state, and the archive of what left it. */
export class Folded {
  readonly state: LedgerState;
  readonly archive: Archive;
  readonly #store: ProjectionStore;
  readonly #digest: Digest;
  /** Over the open entities as they are stored. */
  #storedSum: DigestSum;

  private constructor(
    state: LedgerState,
    archive: Archive,
    store: ProjectionStore,
    digest: Digest,
    storedSum: DigestSum,
  ) {
    this.state = state;
    this.archive = archive;
    this.#store = store;
    this.#digest = digest;
    this.#storedSum = storedSum;
  }

  /** Nothing folded yet; the store is empty. */
  static empty(store: ProjectionStore, digest: Digest): Folded {
    return new Folded(emptyState(), new Archive(store, digest), store, digest, new DigestSum());
  }

  /** As it was stored. Error: Unavailable code projection-damaged. */
  static load(store: ProjectionStore, { mark, open }: StoredProjection, digest: Digest): Folded {
    // Before anything is parsed: what is not as it was written need not even be JSON.
    const sum = new DigestSum();
    for (const { kind, id, text } of open) sum.add(entityDigest(digest, kind, id, text));
    if (sealOf(mark, digest) !== mark.seal || sum.hex(digest) !== mark.openSum)
      throw damaged("what is stored is not what was written");
    const state = emptyState();
    for (const { kind, id, text } of open) {
      const map: unknown = state[kind as keyof LedgerState];
      if (!(map instanceof Entities)) throw damaged(`it has ${kind}, which are not known`);
      map.set(id, fromText(text));
    }
    Object.assign(state, fromText(mark.rest));
    forgetTouched(state);
    const endedSum = DigestSum.fromHex(digest, mark.endedSum);
    const archive = new Archive(store, digest, endedSum, mark.endedCount);
    return new Folded(state, archive, store, digest, sum);
  }

  get size(): number {
    return this.state.size;
  }

  /** Entities that the next `store` has to write. */
  get unstored(): number {
    let count = this.archive.waiting;
    for (const [, map] of mapsOf(this.state)) count += map.touched.size;
    return count;
  }

  fold(event: FoldEvent): void {
    const { state } = this;
    fold(state, event);
    for (const one of state.left.splice(0)) this.archive.take(one);
  }

  /**
   * Folds the whole ledger from its beginning into an empty store, what has ended as it goes. It is
   * complete with the first `store`.
   */
  async foldAnew(chunks: AsyncIterable<readonly FoldEvent[]>): Promise<void> {
    const { state, archive } = this;
    for await (const events of chunks) {
      for (const event of events) {
        fold(state, event);
        for (const one of state.left.splice(0)) {
          // Never stored as open: it need not be taken out.
          state[one.kind].touched.delete(one.entity.id);
          archive.take(one);
        }
      }
      if (archive.waiting >= BATCH) await this.#storeEnded();
    }
  }

  /**
   * The state's hash, `sha256:` + hex: over the sum of the digests of all entities, open and ended,
   * and what is in no map. Every open entity is hashed for it. `inMemory` takes the ended ones as
   * they were when they left; `shown` as they were `counted` in the store.
   */
  hashes(counted?: DigestSum): { readonly inMemory: string; readonly shown: string } {
    const open = new DigestSum();
    for (const [kind, map] of mapsOf(this.state))
      for (const [id, entity] of map)
        open.add(entityDigest(this.#digest, kind, id, entityText(entity)));
    const rest = restText(this.state);
    const inMemory = this.#hash(rest, open.plus(this.archive.sum));
    if (counted === undefined) return { inMemory, shown: inMemory };
    return {
      inMemory,
      shown: this.#hash(rest, open.plus(counted).plus(this.archive.waitingSum())),
    };
  }

  /**
   * Stores what has changed since the last time. What is stored is the state as it is when this is
   * called, at the size of `head`. Error: Unavailable code projection-write-failed; everything is
   * stored with the next call then.
   */
  async store(code: string, head: Pick<GrowingHead, "origin" | "frontier">): Promise<void> {
    const { changed, gone, touched } = this.#changes();
    const ended = this.archive.rows();
    const { size } = this.state;
    const rest = restText(this.state);
    const endedSum = this.archive.sum.copy();
    const endedCount = this.archive.count;
    try {
      const openSum = this.#storedSum.copy();
      for (const old of await this.#store.digests([...changed, ...gone])) openSum.subtract(old);
      for (const { digest } of changed) openSum.add(digest);
      const { origin, frontier } = head;
      const stateHash = this.#hash(rest, openSum.plus(endedSum));
      const sums = { openSum: openSum.hex(this.#digest), endedSum: endedSum.hex(this.#digest) };
      const mark = { code, origin, size, frontier, rest, endedCount, ...sums, stateHash };
      const sealed = { ...mark, seal: sealOf(mark, this.#digest) };
      await this.#store.write({ ended, changed, gone, mark: sealed });
      this.#storedSum = openSum;
    } catch (error) {
      for (const { kind, id } of touched) touchedOf(this.state, kind).add(id);
      throw error;
    }
    this.archive.stored(ended);
  }

  /** Another process stores what has changed: what it has stored need not be in memory. */
  async leaveToOthers(): Promise<void> {
    forgetTouched(this.state);
    await this.archive.forgetStored();
  }

  /** The sum over what has ended as it is stored, as far as it can be read. */
  async countStored(): Promise<DigestSum> {
    const counted = new DigestSum();
    try {
      for await (const rows of this.#store.allEnded())
        for (const { kind, id, text } of rows)
          counted.add(entityDigest(this.#digest, kind, id, text));
    } catch (error) {
      // The sum does not fit then, which is what it is counted for.
      if (!(error instanceof DomainError) || error.code !== "projection-damaged") throw error;
    }
    return counted;
  }

  /**
   * Another one, folded from the same events, takes the place of what is stored of this one. Call it
   * in the turn in which both were compared; until it resolves, nothing else may be stored.
   */
  async replaceStored(fresh: Folded, code: string, head: GrowingHead): Promise<void> {
    const { touched } = this.#changes();
    const ended = this.archive.rows();
    try {
      await fresh.store(code, head);
      await this.#store.takeOver(fresh.#store);
    } catch (error) {
      for (const { kind, id } of touched) touchedOf(this.state, kind).add(id);
      throw error;
    }
    this.#storedSum = fresh.#storedSum;
    this.archive.stored(ended);
  }

  async #storeEnded(): Promise<void> {
    const ended = this.archive.rows();
    await this.#store.write({ ended, changed: [], gone: [] });
    this.archive.stored(ended);
  }

  #changes(): { changed: OpenEntity[]; gone: EntityRef[]; touched: EntityRef[] } {
    const changed: OpenEntity[] = [];
    const gone: EntityRef[] = [];
    const touched: EntityRef[] = [];
    for (const [kind, map] of mapsOf(this.state)) {
      for (const id of map.touched) {
        touched.push({ kind, id });
        const entity = map.get(id);
        if (entity === undefined) gone.push({ kind, id });
        else {
          const text = entityText(entity);
          changed.push({ kind, id, text, digest: entityDigest(this.#digest, kind, id, text) });
        }
      }
      map.touched.clear();
    }
    return { changed, gone, touched };
  }

  #hash(rest: string, sum: DigestSum): string {
    return this.#digest.ofText(`${rest}\n${sum.hex(this.#digest)}`);
  }
}

/** Over everything else that a mark says. */
function sealOf(mark: Omit<ProjectionMark, "seal">, digest: Digest): string {
  const frontier = mark.frontier.map((hash) => digest.hex(hash));
  return digest.ofText(entityText({ ...mark, frontier, seal: undefined }));
}

const mapsOf = (state: LedgerState): [string, Entities<unknown>][] =>
  Object.entries(state).filter(
    (member): member is [string, Entities<unknown>] => member[1] instanceof Entities,
  );

const touchedOf = (state: LedgerState, kind: string): Set<string> =>
  (state[kind as keyof LedgerState] as Entities<unknown>).touched;

function forgetTouched(state: LedgerState): void {
  for (const [, map] of mapsOf(state)) map.touched.clear();
}

/** Everything that is in none of the maps. */
function restText(state: LedgerState): string {
  const rest = Object.entries(state).filter(
    ([name, member]) => !(member instanceof Entities) && !TRANSIENT.has(name),
  );
  return entityText(Object.fromEntries(rest));
}

const TRANSIENT: ReadonlySet<string> = new Set(["folding", "left"] satisfies (keyof LedgerState)[]);

export const damaged = (why: string): Unavailable =>
  new Unavailable("projection-damaged", `The stored projection cannot be used: ${why}`, {
    hint: "Nothing to do: it is folded from the ledger anew",
  });
