/**
 * Where the objects of a backup store lie, by name (`packs/0f…`). The least that a directory and an
 * object storage service have in common: objects appear whole or not at all and never change.
 */
export interface ObjectStore {
  /** So many puts or gets on their way at once are worth their memory. */
  readonly atOnce: number;
  /**
   * Durable when it resolves. False if there is an object of that name already, which stays as it
   * is: of several writers of one name exactly one gets true. `passing`: it need not survive a
   * power cut, after which nobody would ask for it.
   */
  put(name: string, parts: readonly Uint8Array[], passing?: "passing"): Promise<boolean>;
  /** At most `length` bytes from `offset`; undefined if there is no such object. */
  get(name: string, offset?: number, length?: number): Promise<Buffer | undefined>;
  /** Undefined if there is no such object. */
  size(name: string): Promise<number | undefined>;
  /**
   * Names that begin with `folder/`, without it, in order. Of objects put meanwhile, or in the last
   * seconds, some or all: what must not be overlooked is asked for by its name.
   */
  list(folder: string): Promise<readonly string[]>;
  /** As `list`, with the bytes of each. */
  sizes(folder: string): Promise<ReadonlyMap<string, number>>;
  /**
   * Durably gone when it resolves, unless it is `passing`; no-op if there is none. Rejects
   * `backup-locked` where the place itself keeps the object.
   */
  delete(name: string, passing?: "passing"): Promise<void>;
  /**
   * Where the place keeps objects from being removed for a time: that time begins anew for these.
   * Absent: it does not.
   */
  readonly retain?: (names: readonly string[]) => Promise<void>;
  /** The same without an end, until it is taken back. Absent: the place cannot. */
  readonly hold?: (names: readonly string[], held: boolean) => Promise<void>;
}
