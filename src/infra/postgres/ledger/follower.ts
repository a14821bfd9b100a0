import type { KnownHead } from "./known-head.ts";
import type { LedgerReader } from "./reader.ts";
import { damaged } from "../../ledger/ledger-head.ts";
import type { RecordedEvent } from "../../../domain/events.ts";

/** Takes over what other processes appended. */
export class Follower {
  readonly #known: KnownHead;
  readonly #reader: LedgerReader;

  constructor(known: KnownHead, reader: LedgerReader) {
    this.#known = known;
    this.#reader = reader;
  }

  /**
   * Until the head as it is now; nobody else may move what is known meanwhile. Errors: those of
   * `KnownHead.follow` and of reading.
   */
  async catchUp(): Promise<void> {
    const head = await this.#reader.head();
    if (head === undefined) throw damaged("it is gone");
    const { revision, size } = this.#known;
    if (head.revision === revision && head.size === size) return;
    const events: RecordedEvent[] = [];
    for (let next = size; next < head.size;) {
      const chunk = await this.#reader.chunk(next, head.size - 1);
      if (chunk.length === 0) break;
      events.push(...chunk);
      next = chunk.at(-1)!.index + 1;
    }
    this.#known.follow(head, events);
  }
}
