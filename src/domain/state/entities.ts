/** Whether an event is being folded: what is looked up meanwhile may be changed. */
export class Folding {
  active = false;
}

/**
 * Entities by id. It notes what a fold had in its hands, so that only that is stored again: a fold
 * need not say what it changes, and cannot forget to.
 */
export class Entities<T> extends Map<string, T> {
  /** Ids that folds looked up, set or deleted since this was emptied. */
  readonly touched = new Set<string>();
  readonly #folding: Folding;

  constructor(folding: Folding) {
    super();
    this.#folding = folding;
  }

  override get(id: string): T | undefined {
    if (this.#folding.active) this.touched.add(id);
    return super.get(id);
  }

  override set(id: string, entity: T): this {
    this.touched.add(id);
    return super.set(id, entity);
  }

  override delete(id: string): boolean {
    this.touched.add(id);
    return super.delete(id);
  }

  override values(): MapIterator<T> {
    this.#touchAll();
    return super.values();
  }

  override entries(): MapIterator<[string, T]> {
    this.#touchAll();
    return super.entries();
  }

  override [Symbol.iterator](): MapIterator<[string, T]> {
    return this.entries();
  }

  override forEach(each: (entity: T, id: string, map: Map<string, T>) => void): void {
    this.#touchAll();
    super.forEach(each);
  }

  #touchAll(): void {
    if (this.#folding.active) for (const id of this.keys()) this.touched.add(id);
  }
}
