/**
 * Where backups lie. A backup becomes visible by one atomic publication, or not at all; a stored
 * backup is never changed. Shaped so that a remote store fits: engines write to and read from
 * local paths that the store provides.
 */
export interface BackupStore {
  /** A local path (in a directory of its own, 0700) where an engine may write the snapshot. */
  stage(backupId: string): Promise<string>;
  /** Durably publishes what was staged with its manifest. Rejects `Conflict` if already there. */
  publish(backupId: string, manifest: BackupManifest): Promise<{ readonly storedBytes: number }>;
  /** Removes a staging place; no-op if there is none. */
  discard(backupId: string): Promise<void>;
  manifest(backupId: string): Promise<BackupManifest | undefined>;
  /** A local path from which the stored snapshot can be read. Rejects `NotFound`. */
  locate(backupId: string): Promise<string>;
  list(): Promise<readonly string[]>;
  /** A local scratch directory (0700) for restores and rehearsals. */
  scratch(purpose: string): Promise<Scratch>;
}

export interface Scratch {
  readonly path: string;
  /** Removes the directory and all in it. */
  dispose(): Promise<void>;
}

/** Stored beside the snapshot: enough to restore without the ledger. */
export interface BackupManifest {
  readonly format: 1;
  readonly backupId: string;
  readonly databaseId: string;
  readonly database: string;
  readonly engine: string;
  readonly kind: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly fingerprint: string | null;
  readonly rows: { readonly [table: string]: number };
  readonly applied: readonly string[];
  readonly incarnation: string;
  readonly createdAt: string;
  readonly toolVersion: string;
  /** Newest signed checkpoint of the ledger: this store is a witness. */
  readonly checkpoint: string | null;
}
