/** Something that must survive whatever the disk does. `S` is plain JSON. */
export interface Subject<S = unknown> {
  /** Makes the disk as it is before, and tells what the others need to know of it. */
  prepare(root: string): Promise<S>;
  /**
   * Does the work and lets go of everything. `promise` says something that holds from then on. Rejects
   * with a `DomainError` when it cannot be done.
   */
  act(root: string, setup: S, promise: (what: string) => void): Promise<void>;
  /**
   * Comes back after a fault, as the service does at a start, and tells what is wrong, given what was
   * promised. Empty: nothing.
   */
  inspect(root: string, setup: S, promised: readonly string[]): Promise<string[]>;
  /** After an inspection: does it once more, and tells what is wrong with that. */
  goOn(root: string, setup: S): Promise<string[]>;
}
