import { dirname, join } from "node:path";
import type { S3Access } from "../s3/s3-settings.ts";
import { FileObjectStore } from "./file-object-store.ts";
import type { ObjectStore } from "./object-store.ts";

/** Without anything that opens it. */
export interface RecordedPlace {
  readonly url: string;
  readonly endpoint: string | null;
}

/** What another process opens the place with. Plain JSON; it may hold access keys: never recorded. */
export type StorePlace =
  | { readonly kind: "directory"; readonly directory: string }
  | { readonly kind: "s3"; readonly access: S3Access };

/** Where the objects of a backup store lie, as the service has it. */
export interface BackupPlace {
  /** For the record; null: a directory of this machine. */
  readonly recorded: RecordedPlace | null;
  readonly objects: StoredObjects;
  /** A directory of this machine for unfinished work (0700), in one that is nobody else's either. */
  readonly scratch: string;
  /** For a process that is about to use it. */
  forOthers(): Promise<StorePlace>;
}

export interface StoredObjects extends ObjectStore {
  /** Removes what writers that died have left. Only while nobody can be writing. */
  clean(folders: readonly string[]): Promise<void>;
}

/** A directory of this machine. */
export class DirectoryPlace implements BackupPlace {
  readonly recorded = null;
  readonly objects: FileObjectStore;
  readonly scratch: string;
  readonly #root: string;

  /** `root` is an absolute path; it is created when it is needed. */
  constructor(root: string) {
    this.#root = root;
    this.objects = new FileObjectStore(root);
    this.scratch = join(root, "scratch");
  }

  forOthers(): Promise<StorePlace> {
    return Promise.resolve({ kind: "directory", directory: this.#root });
  }
}

/** The directory that holds the scratch directory. */
export const aroundScratch = ({ scratch }: BackupPlace): string => dirname(scratch);
