import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { Json } from "../../domain/shared/json.ts";
import { DataKeys, type DataKeyTexts } from "./data-keys.ts";
import { promptCalls, type FileCalls } from "./file-calls.ts";
import { FileObjectStore } from "./file-object-store.ts";
import type { ReadableObjects } from "./page-list.ts";

/** The adapter's part of a `StoreAccess`: a directory. */
export interface DirectoryAccess {
  readonly directory: string;
  /** For files that are needed while the content is written; made and removed by the user. */
  readonly workspace: string;
  readonly keys: DataKeyTexts;
}

export const toJson = (access: DirectoryAccess): Json => ({ ...access, keys: { ...access.keys } });

export const directoryOf = ({ store }: StoreAccess): DirectoryAccess =>
  store as unknown as DirectoryAccess;

/** The store behind an access, in the process that was given it, which has nothing else to do. */
export function openStore(access: StoreAccess, calls: FileCalls = promptCalls): ReadableObjects {
  const { directory, keys } = directoryOf(access);
  return { objects: new FileObjectStore(directory, calls), keys: new DataKeys(keys) };
}
