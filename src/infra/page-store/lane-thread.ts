import { workerData } from "node:worker_threads";
import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import { threadedCalls } from "./file-calls.ts";
import { InlineLane } from "./lane.ts";
import { openStore } from "./open-store.ts";
import type { SegmentParts } from "./page-list.ts";
import type { SourceFile, Stretch } from "./page-reader.ts";
import { serve, tell } from "../threads/thread.ts";

/* The thread behind `ThreadLane`: an `InlineLane` that is spoken to by messages. */

export interface LaneThreadData {
  readonly access: StoreAccess;
  readonly files: readonly SourceFile[];
}

export type LaneRequest =
  | {
      readonly kind: "open";
      readonly segment: SegmentParts;
      readonly parent: SegmentParts | undefined;
    }
  | { readonly kind: "scan"; readonly stretch: Stretch }
  | { readonly kind: "keep"; readonly chosen: Uint16Array }
  | { readonly kind: "flush" };

const { access, files } = workerData as LaneThreadData;
const { objects, keys } = openStore(access, threadedCalls);
const lane = new InlineLane(objects, keys.current, files, (placed) =>
  tell(placed, [placed.pages.buffer as ArrayBuffer]),
);

/** A Buffer arrives as a plain array of bytes. */
const asBuffers = (parts: SegmentParts): SegmentParts => ({
  ...parts,
  digests: Buffer.from(parts.digests.buffer),
});

serve<LaneRequest>(async (request) => {
  switch (request.kind) {
    case "open": {
      const { segment, parent } = request;
      await lane.open(asBuffers(segment), parent && asBuffers(parent));
      return {};
    }
    case "scan": {
      const value = await lane.scan(request.stretch);
      return { value, transfer: [value.found.buffer] };
    }
    case "keep":
      lane.keep(request.chosen);
      return {};
    case "flush":
      await lane.flush();
      return { value: lane.storedBytes };
  }
});
