/** Where an export lies: a directory or a bucket. */
export interface ExportPlace {
  /** For people. */
  readonly name: string;
  /** Files and bytes that were written, without those that were there already. */
  readonly written: { readonly files: number; readonly bytes: number };
  /** Undefined if there is none. */
  read(path: string): Promise<Buffer | undefined>;
  /**
   * Writes what never changes, whole or not at all; a file that is there with these bytes is left
   * alone. `open`: everybody may read it. Durable once `settle` has resolved.
   */
  put(path: string, bytes: Uint8Array, access: "open" | "closed"): Promise<void>;
  settle(): Promise<void>;
  /** Replaces a file that does change. Durable when it resolves. */
  replace(path: string, text: string): Promise<void>;
  /** Removes the partial tiles of `path` that a full one has taken the place of, where that pays. */
  dropPartials(path: string): Promise<void>;
  /**
   * Keeps a signed checkpoint beside the newest one, never to be written over. Absent: the place has
   * nothing that would keep it from being written over.
   */
  readonly keepCheckpoint?: (size: number, note: string) => Promise<void>;
  /** The newest of those. */
  readonly newestKept?: () => Promise<string | undefined>;
}
