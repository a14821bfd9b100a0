/**
 * Operations that this instance has begun and will end itself. Recovery leaves them alone: an open
 * intent that nobody owns is one whose process died.
 */
export class Owned {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
  }

  delete(id: string): void {
    this.#ids.delete(id);
  }
}
