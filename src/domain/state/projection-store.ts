import type { Hash } from "../shared/digest.ts";
import type { EntityQuery } from "./entity-query.ts";

/** Which entity: the name of its map in `LedgerState`, and its id. */
export interface EntityRef {
  readonly kind: string;
  readonly id: string;
}

/** An entity in memory, as it is stored. */
export interface OpenEntity extends EntityRef {
  /** `entityText`. */
  readonly text: string;
  /** `entityDigest`. */
  readonly digest: Hash;
}

/** An entity that has ended and left memory. */
export interface EndedEntity extends EntityRef {
  readonly text: string;
  readonly databaseId: string;
  readonly status: string;
  /** Index of the event that began it; no two entities have the same. */
  readonly began: number;
}

/** What was stored together with the entities, at one size of the ledger. */
export interface ProjectionMark {
  /** Digest of the program code that folded it. */
  readonly code: string;
  readonly origin: string;
  /** Number of events that are folded in. */
  readonly size: number;
  /** The frontier of the ledger's tree at that size. */
  readonly frontier: readonly Hash[];
  /** `entityText` of what of the state is not in its maps. */
  readonly rest: string;
  /** Ended entities stored, and the sum of their digests, hex. */
  readonly endedCount: number;
  readonly endedSum: string;
  /** The sum of the digests of the open ones, hex. */
  readonly openSum: string;
  readonly stateHash: string;
  /** Digest of all this: a mark that was changed is not taken for what the ledger is held against. */
  readonly seal: string;
}

/** What a start begins with, all of one moment. */
export interface StoredProjection {
  readonly mark: ProjectionMark;
  /** Those stored first first. */
  readonly open: readonly OpenEntity[];
}

/** Applied as a whole or not at all. */
export interface ProjectionBatch {
  readonly ended: readonly EndedEntity[];
  readonly changed: readonly OpenEntity[];
  /** Entities that are in memory no more. Those never stored are passed over. */
  readonly gone: readonly EntityRef[];
  /** Absent while the ledger is being folded from its beginning: there is nothing to start from. */
  readonly mark?: ProjectionMark | undefined;
}

/**
 * Keeps the projection on disk: what has ended, for reading, and what is open, for the next start.
 * Nothing in it is a fact of its own; it may be deleted whenever the service does not run.
 */
export interface ProjectionStore {
  /** Another process owns it: nothing is written. After a `reset` it is in memory and our own. */
  readonly readOnly: boolean;
  /**
   * What was stored last; undefined if nothing was folded to its end. Error: Unavailable code
   * projection-damaged if it cannot be read.
   */
  stored(): Promise<StoredProjection | undefined>;
  /** Forgets everything, also what cannot be read. */
  reset(): Promise<void>;
  /** Error: Unavailable code projection-write-failed; nothing was written then. */
  write(batch: ProjectionBatch): Promise<void>;
  /** The stored digests of those of the open entities that are stored. */
  digests(of: readonly EntityRef[]): Promise<readonly Hash[]>;
  /** The text of an ended entity. */
  find(kind: string, id: string): Promise<string | undefined>;
  /** Texts of ended entities, newest first. */
  list(kind: string, query: EntityQuery): Promise<readonly string[]>;
  /** Those of the ids that have ended. */
  known(kind: string, ids: readonly string[]): Promise<readonly string[]>;
  /** Every ended entity, in chunks. */
  allEnded(): AsyncIterable<readonly EndedEntity[]>;
  /** An empty store beside this one, to be taken over or dropped. */
  beside(): Promise<ProjectionStore>;
  /** Takes the place of what is here; `other` came from `beside` and is closed by this. */
  takeOver(other: ProjectionStore): Promise<void>;
  close(): Promise<void>;
}
