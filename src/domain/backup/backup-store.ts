import type { Json } from "../shared/json.ts";

/**
 * Where backups lie. Engines write content to the store and read it in a process of their own, with
 * a `StoreAccess`; a backup becomes visible by one atomic publication of its manifest, or not at
 * all. What is stored never changes; content that is stored already is not stored again.
 */
export interface BackupStore {
  /**
   * Makes ready for one backup. `parent`: a stored backup of which the new one is probably a small
   * change. Rejects `backup-exists`, `backup-begun`, or `backup-store-busy` during a sweep.
   */
  begin(backupId: string, parent: string | null): Promise<StoreAccess>;
  /**
   * Durably publishes what an engine has written. Rejects `backup-exists`, or `backup-not-begun`
   * (also if it was discarded or published by somebody else meanwhile).
   */
  publish(backupId: string, manifest: BackupManifest): Promise<{ readonly storedBytes: number }>;
  /** Gives up a backup that was begun; no-op if it was not, or is published. */
  discard(backupId: string): Promise<void>;
  /** Undefined if there is none. Rejects `backup-manifest-damaged` or `backup-key-missing`. */
  manifest(backupId: string): Promise<BackupManifest | undefined>;
  /** For reading a published backup. Rejects `NotFound`. */
  access(backupId: string): Promise<StoreAccess>;
  /** Ids of all published backups, in order. */
  list(): Promise<readonly string[]>;
  /**
   * Takes a backup away for good: from then on it does not exist. What only it needs stays until
   * the next sweep. Idempotent. Rejects `backup-locked` where the place itself keeps it for a time:
   * then it is there as before.
   */
  remove(backupId: string): Promise<{ readonly freedBytes: number }>;
  /** What there is, and what a sweep would remove. Removes nothing. */
  survey(): Promise<StoreSurvey>;
  /**
   * Removes what no published backup needs, but what the place keeps for a time. Rejects
   * `backup-store-busy` while a backup is being written. Can be repeated after a crash in the middle.
   * `known`: backups that are to be there; a place may list late what was published last.
   */
  sweep(known: readonly string[]): Promise<Swept>;
  /**
   * Where the place can keep objects from everybody's hands, it does so with all that these backups
   * need, until they are released. No-op elsewhere.
   */
  hold(backups: readonly string[]): Promise<void>;
  /** Undoes `hold`, but for what the backups `held` need. */
  release(backups: readonly string[], held: readonly string[]): Promise<void>;
  /** A local scratch directory (0700) for restores and rehearsals. */
  scratch(purpose: string): Promise<Scratch>;
}

/**
 * What the process of an engine needs to reach the store. Plain JSON; it may hold a data key: it is
 * never recorded, logged or answered.
 */
export interface StoreAccess {
  readonly backupId: string;
  /** When writing: the backup to compare with. */
  readonly parent: string | null;
  /** The adapter's own. */
  readonly store: Json;
}

export interface Scratch {
  readonly path: string;
  /** Removes the directory and all in it. */
  dispose(): Promise<void>;
}

export interface StoreSurvey {
  readonly backups: number;
  readonly objects: number;
  readonly bytes: number;
  /** Objects that no published backup needs, and their bytes. */
  readonly unneeded: { readonly objects: number; readonly bytes: number };
}

export interface Swept {
  readonly objects: number;
  readonly freedBytes: number;
}

/** What an engine wrote: files, as pages in packs. */
export interface StoredContent {
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Of all files. */
  readonly bytes: number;
  /** Hex. Merkle tree hash over the SHA-256 of each page: says what the content is. */
  readonly sha256: string;
  /** Bytes that were added to the store for it. */
  readonly storedBytes: number;
  /** Names of the lists of each segment's pages, oldest first. */
  readonly segments: readonly (readonly string[])[];
}

/** Stored with the content: enough to restore, and to rebuild a ledger, from the store alone. */
export interface BackupManifest {
  readonly format: 1;
  readonly backupId: string;
  readonly databaseId: string;
  readonly database: string;
  readonly engine: string;
  /** Where the database lay; null for what is no managed database. */
  readonly url: string | null;
  /** Of the ledger that speaks of the backup. */
  readonly origin: string;
  readonly kind: string;
  readonly fingerprint: string | null;
  readonly rows: { readonly [table: string]: number };
  readonly applied: readonly string[];
  readonly incarnation: string;
  readonly createdAt: string;
  readonly toolVersion: string;
  /** Newest signed checkpoint of the ledger: this store is a witness. */
  readonly checkpoint: string | null;
  readonly content: StoredContent;
}
