/**
 * Keeps a hold and a removal from passing each other: both decide and mark in one turn of the event
 * loop, before the first of them waits for the disk.
 */
export class PruneGuard {
  readonly #removing = new Set<string>();
  readonly #holding = new Map<string, number>();

  /** False: the backup is being removed right now. */
  beginHold(key: string): boolean {
    if (this.#removing.has(key)) return false;
    this.#holding.set(key, (this.#holding.get(key) ?? 0) + 1);
    return true;
  }

  endHold(key: string): void {
    const left = (this.#holding.get(key) ?? 0) - 1;
    if (left > 0) this.#holding.set(key, left);
    else this.#holding.delete(key);
  }

  /** False: somebody is placing a hold on it, or on all of its database. */
  beginRemoval(backupId: string, databaseId: string): boolean {
    if (this.#holding.has(backupId) || this.#holding.has(databaseId)) return false;
    this.#removing.add(backupId);
    this.#removing.add(databaseId);
    return true;
  }

  endRemoval(backupId: string, databaseId: string): void {
    this.#removing.delete(backupId);
    this.#removing.delete(databaseId);
  }
}
