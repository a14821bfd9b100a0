import { workerData } from "node:worker_threads";
import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import { InlineLane, type Slab, type SourceFile } from "./lane.ts";
import { threadedCalls } from "./file-calls.ts";
import { openStore } from "./open-store.ts";
import { serve, tell } from "./thread.ts";

/* The thread behind `ThreadLane`: an `InlineLane` that is spoken to by messages. */

export interface LaneThreadData {
  readonly access: StoreAccess;
  readonly files: readonly SourceFile[];
}

export type LaneRequest =
  | { readonly kind: "digest"; readonly slab: Slab }
  | { readonly kind: "keep"; readonly chosen: Uint16Array }
  | { readonly kind: "flush" }
  | { readonly kind: "end" };

const { access, files } = workerData as LaneThreadData;
const { objects, keys } = openStore(access, threadedCalls);
const lane = new InlineLane(objects, keys.current, files, (placed) =>
  tell(placed, [placed.pages.buffer as ArrayBuffer]),
);

serve<LaneRequest>(async (request) => {
  switch (request.kind) {
    case "digest": {
      const digests = Uint8Array.from(await lane.digest(request.slab));
      return { value: digests, transfer: [digests.buffer] };
    }
    case "keep":
      lane.keep(request.chosen);
      return {};
    case "flush":
      await lane.flush();
      return { value: lane.storedBytes };
    case "end":
      await lane.end();
      return {};
  }
});
