import type { Digest } from "../shared/digest.ts";
import { DigestSum, entityDigest } from "./digest-sum.ts";
import { BEGAN, matches, type EntityKinds, type EntityQuery, type Kind } from "./entity-query.ts";
import { entityText, fromText } from "./entity-text.ts";
import type { Ended } from "./leaving.ts";
import type { EndedEntity, ProjectionStore } from "./projection-store.ts";

/** Entities of a kind that the store is asked for at once. */
const LOOKED_FOR = 500;

interface Waiting<K extends Kind = Kind> {
  readonly entity: EntityKinds[K];
  readonly row: EndedEntity;
}

/**
 * What has ended and left the state: in the store, and in memory until it is there. The count and
 * the sum of the digests cover both.
 */
export class Archive {
  readonly #store: ProjectionStore;
  readonly #digest: Digest;
  readonly #sum: DigestSum;
  #count: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(store: ProjectionStore, digest: Digest, sum = new DigestSum(), count = 0) {
    this.#store = store;
    this.#digest = digest;
    this.#sum = sum;
    this.#count = count;
  }

  /** Entities, stored or not. */
  get count(): number {
    return this.#count;
  }

  /** The sum of their digests. */
  get sum(): DigestSum {
    return this.#sum;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** The sum over what is not stored yet. */
  waitingSum(): DigestSum {
    const sum = new DigestSum();
    for (const { kind, id, text } of this.rows())
      sum.add(entityDigest(this.#digest, kind, id, text));
    return sum;
  }

  take({ kind, entity }: Ended): void {
    const { id, databaseId, status } = entity;
    const text = entityText(entity);
    this.#count += 1;
    this.#sum.add(entityDigest(this.#digest, kind, id, text));
    const began = BEGAN[kind](entity as never);
    const row = { kind, id, text, databaseId, status, began };
    this.#waiting.set(keyOf(kind, id), { entity, row });
  }

  /** What is to be stored now. */
  rows(): readonly EndedEntity[] {
    return [...this.#waiting.values()].map(({ row }) => row);
  }

  /** These are stored: memory need not hold them any more. */
  stored(rows: readonly EndedEntity[]): void {
    for (const { kind, id } of rows) this.#waiting.delete(keyOf(kind, id));
  }

  /** Lets go of what another process has stored meanwhile. */
  async forgetStored(): Promise<void> {
    for (const kind of new Set([...this.#waiting.values()].map(({ row }) => row.kind))) {
      const rows = [...this.#waiting.values()].flatMap(({ row }) =>
        row.kind === kind ? [row] : [],
      );
      const oldest = rows.slice(0, LOOKED_FOR);
      const known = await this.#store.known(
        kind,
        oldest.map(({ id }) => id),
      );
      this.stored(oldest.filter(({ id }) => known.includes(id)));
    }
  }

  async find<K extends Kind>(kind: K, id: string): Promise<EntityKinds[K] | undefined> {
    const waiting = this.#waiting.get(keyOf(kind, id));
    if (waiting !== undefined) return waiting.entity as EntityKinds[K];
    const text = await this.#store.find(kind, id);
    return text === undefined ? undefined : (fromText(text) as EntityKinds[K]);
  }

  /** Newest first. */
  async list<K extends Kind>(kind: K, query: EntityQuery): Promise<readonly EntityKinds[K][]> {
    // Before the store is asked: what is stored meanwhile must not be missing from both.
    const waiting = this.#ofKind(kind, query);
    const texts = await this.#store.list(kind, query);
    return [...waiting, ...texts.map((text) => fromText(text) as EntityKinds[K])];
  }

  async known(kind: Kind, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const here = new Set(ids.filter((id) => this.#waiting.has(keyOf(kind, id))));
    const others = ids.filter((id) => !here.has(id));
    if (others.length === 0) return here;
    return new Set([...here, ...(await this.#store.known(kind, others))]);
  }

  #ofKind<K extends Kind>(kind: K, query: EntityQuery): EntityKinds[K][] {
    const { before = Infinity } = query;
    return [...this.#waiting.values()]
      .filter(
        ({ row, entity }) => row.kind === kind && row.began < before && matches(entity, query),
      )
      .map(({ entity }) => entity as EntityKinds[K]);
  }
}

const keyOf = (kind: string, id: string): string => `${kind}/${id}`;
