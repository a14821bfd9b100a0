import type { Checkpoint, LedgerHead } from "../../domain/ledger/ledger.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import { Thread } from "../threads/thread.ts";
import type { ExportRequest, ExportThreadData } from "./export-thread.ts";
import type { Exported, LogExport } from "./log-export.ts";

/**
 * From so many events on a thread exports them: each takes 15 to 18 µs of a processor (measured, ADR
 * 57), so that fewer of them do not keep whoever appends for as much as 0.1 s.
 */
const MANY = 4096;
/** How long a thread that has nothing to do is kept, ms. */
const IDLE = 30_000;
const MODULE = new URL("./export-thread.js", import.meta.url);

/**
 * A `LogExport` to a directory that leaves much work to a thread, so that whoever appends meanwhile is
 * not kept from it.
 */
export class ThreadedExport {
  readonly #here: LogExport;
  readonly #data: ExportThreadData;
  readonly #keys: () => readonly VerifierKey[];
  #thread: Thread<ExportRequest, never> | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** `here` writes to the same directory as the thread with `data`. */
  constructor(here: LogExport, data: ExportThreadData, keys: () => readonly VerifierKey[]) {
    this.#here = here;
    this.#data = data;
    this.#keys = keys;
  }

  /** As `LogExport.head`. */
  head(): Promise<LedgerHead | undefined> {
    return this.#here.head();
  }

  /** As `LogExport.run`; one at a time. */
  async run(checkpoint: Checkpoint, vkeys: readonly string[]): Promise<Exported> {
    const from = (await this.head())?.size ?? 0;
    if (checkpoint.size - from < MANY) return this.#here.run(checkpoint, vkeys);
    clearTimeout(this.#idle);
    const thread = (this.#thread ??= new Thread(MODULE, this.#data, () => {}));
    try {
      return await thread.ask<Exported>({ checkpoint, vkeys, keys: this.#keys() });
    } catch (error) {
      // One that died would fail for ever; the next time begins with another.
      await this.close();
      throw error;
    } finally {
      if (this.#thread !== undefined)
        this.#idle = setTimeout(() => void this.close(), IDLE).unref();
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.end();
  }
}
