import { workerData } from "node:worker_threads";
import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import { PageWriter, placeTask, type PackTask, type Target } from "./content-reader.ts";
import { openStore } from "./open-store.ts";
import type { PagePlaces } from "./page-list.ts";
import { serve, tell } from "../threads/thread.ts";

/* The thread behind `placeInThreads`. */

export type PlaceRequest =
  | {
      readonly kind: "segment";
      readonly first: number;
      readonly digests: SharedArrayBuffer;
      readonly places: Uint32Array;
      readonly targets: readonly Target[];
    }
  | { readonly kind: "task"; readonly task: PackTask }
  | { readonly kind: "close" };

const store = openStore(workerData as StoreAccess);
let segment: PagePlaces | undefined;
let writer: PageWriter | undefined;

serve<PlaceRequest>(async (request) => {
  switch (request.kind) {
    case "segment": {
      const { first, digests, places, targets } = request;
      segment = { first, digests: Buffer.from(digests), places };
      writer = new PageWriter(segment, targets);
      return {};
    }
    case "task":
      await placeTask(store, segment!, writer!, request.task, tell);
      return {};
    case "close":
      writer?.close();
      return {};
  }
});
