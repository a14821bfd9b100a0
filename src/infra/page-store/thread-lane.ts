import type { StoreAccess } from "../../domain/backup/backup-store.ts";
import type { LaneRequest, LaneThreadData } from "./lane-thread.ts";
import type { Lane, Slab, SourceFile } from "./lane.ts";
import type { Placed } from "./pack.ts";
import { Thread } from "./thread.ts";

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

  async digest(slab: Slab): Promise<Buffer> {
    const digests = await this.#thread.ask<Uint8Array<ArrayBuffer>>({ kind: "digest", slab });
    return Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
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
