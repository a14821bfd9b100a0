import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { LaneRequest, LaneThreadData } from "./lane-thread.ts";
import type { Lane, Scanned } from "./lane.ts";
import type { Placed } from "./pack.ts";
import type { SegmentParts } from "./page-list.ts";
import type { SourceFile, Stretch } from "./page-reader.ts";
import { Thread } from "../threads/thread.ts";

const MODULE = new URL("./lane-thread.js", import.meta.url);

/** Does the work in a thread of its own. */
export class ThreadLane implements Lane {
  readonly #thread: Thread<LaneRequest, Placed>;
  #storedBytes = 0;
  /** A failure of `keep`, to be told by `flush`. */
  #kept: Promise<unknown> = Promise.resolve();

  constructor(
    access: StoreAccess,
    files: readonly SourceFile[],
    onPlaced: (placed: Placed) => void,
  ) {
    const data: LaneThreadData = { access, files };
    this.#thread = new Thread(MODULE, data, onPlaced);
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  open({ digests, packs, places }: SegmentParts, parent: SegmentParts | undefined): Promise<void> {
    // Its memory is shared, not copied.
    const known = parent && {
      digests: parent.digests,
      packs: parent.packs,
      places: parent.places,
    };
    return this.#thread.ask({
      kind: "open",
      segment: { digests, packs, places },
      parent: known,
    });
  }

  scan(stretch: Stretch): Promise<Scanned> {
    return this.#thread.ask({ kind: "scan", stretch });
  }

  keep(chosen: Uint16Array<ArrayBuffer>): void {
    const kept = this.#thread.ask({ kind: "keep", chosen }, [chosen.buffer]);
    kept.catch(() => {});
    this.#kept = Promise.all([this.#kept, kept]);
    this.#kept.catch(() => {});
  }

  async flush(): Promise<void> {
    await this.#kept;
    this.#storedBytes = await this.#thread.ask({ kind: "flush" });
  }

  async end(): Promise<void> {
    await this.#thread.end();
  }
}
