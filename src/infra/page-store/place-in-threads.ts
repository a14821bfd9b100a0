import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { PackTask, PlacePages } from "./content-reader.ts";
import type { PlaceRequest } from "./place-thread.ts";
import { Thread } from "../threads/thread.ts";

const MODULE = new URL("./place-thread.js", import.meta.url);

/** Brings pages back in `count` threads; each takes a pack when it is through with the last. */
export const placeInThreads =
  (access: StoreAccess, count: number): PlacePages =>
  async (segment, targets, tasks, onPlaced) => {
    const left = tasks.values();
    const threads = Array.from(
      { length: count },
      () => new Thread<PlaceRequest, number>(MODULE, access, onPlaced),
    );
    try {
      const { first, digests, places } = segment;
      const shared = digests.buffer as unknown as SharedArrayBuffer;
      const work = threads.map(async (thread) => {
        await thread.ask({ kind: "segment", first, digests: shared, places, targets });
        for (let task = next(left); task !== undefined; task = next(left))
          await thread.ask({ kind: "task", task });
        await thread.ask({ kind: "close" });
      });
      await Promise.all(work);
    } finally {
      await Promise.all(threads.map((thread) => thread.end()));
    }
  };

function next(tasks: Iterator<PackTask>): PackTask | undefined {
  const { done, value } = tasks.next();
  return done === true ? undefined : (value as PackTask);
}
