import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { Json } from "../../domain/shared/json.ts";
import { S3ObjectStore } from "../s3/s3-object-store.ts";
import { fixedSource } from "../s3/s3-settings.ts";
import type { StorePlace } from "./backup-place.ts";
import { DataKeys, type DataKeyTexts } from "./data-keys.ts";
import { promptCalls, type FileCalls } from "./file-calls.ts";
import { FileObjectStore } from "./file-object-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { ReadableObjects } from "./page-list.ts";

/** The adapter's part of a `StoreAccess`. */
export interface PageStoreAccess {
  readonly place: StorePlace;
  /** For files that are needed while the content is written; made and removed by the user. */
  readonly workspace: string;
  readonly keys: DataKeyTexts;
}

export const toJson = (access: PageStoreAccess): Json => access as unknown as Json;

export const pageStoreOf = ({ store }: StoreAccess): PageStoreAccess =>
  store as unknown as PageStoreAccess;

/** The store behind an access, in the process that was given it, which has nothing else to do. */
export function openStore(access: StoreAccess, calls: FileCalls = promptCalls): ReadableObjects {
  const { place, keys } = pageStoreOf(access);
  return { objects: objectsOf(place, calls), keys: new DataKeys(keys) };
}

function objectsOf(place: StorePlace, calls: FileCalls): ObjectStore {
  switch (place.kind) {
    case "directory":
      return new FileObjectStore(place.directory, calls);
    case "s3":
      return new S3ObjectStore(fixedSource(place.access));
  }
}
