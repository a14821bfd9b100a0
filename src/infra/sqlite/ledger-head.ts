import { frontierLength, leafHash, push, rootOf } from "../../domain/ledger/merkle.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { LedgerReader } from "./ledger-reader.ts";

/** The head of a ledger in memory: what the next event builds on. */
export class LedgerHeadState {
  readonly #digest: Digest;
  readonly #frontier: Hash[];
  #size: number;
  #timeHigh: string;
  #timeBack: number;

  /**
   * The head that a file has: its head row, and the events since. Throws Unavailable, code
   * ledger-damaged, when the row contradicts itself or is ahead of the events.
   */
  constructor(digest: Digest, reader: LedgerReader) {
    const row = reader.head();
    if (row.size > reader.size()) throw damaged("events are missing at the end");
    if (row.frontier.length !== 32 * frontierLength(row.size)) throw damaged("its frontier");
    this.#digest = digest;
    this.#frontier = splitHashes(row.frontier);
    this.#size = row.size;
    this.#timeHigh = row.timeHigh;
    this.#timeBack = row.timeBack;
    this.catchUp(reader);
  }

  /** Takes in the events that are stored beyond this head. */
  catchUp(reader: LedgerReader): void {
    for (const { leaf, time } of reader.leaves(this.#size)) {
      this.push(leafHash(this.#digest.sha256, leaf));
      this.seeTime(time);
    }
  }

  get size(): number {
    return this.#size;
  }

  get timeHigh(): string {
    return this.#timeHigh;
  }

  /** Milliseconds by which an event was ever earlier than one before it. */
  get timeBack(): number {
    return this.#timeBack;
  }

  /** The frontier in one piece. */
  get frontier(): Uint8Array {
    const bytes = new Uint8Array(32 * this.#frontier.length);
    for (const [i, hash] of this.#frontier.entries()) bytes.set(hash, 32 * i);
    return bytes;
  }

  root(): Hash {
    return rootOf(this.#digest.sha256, this.#frontier);
  }

  push(leaf: Hash): void {
    push(this.#digest.sha256, this.#frontier, this.#size, leaf);
    this.#size += 1;
  }

  /** Takes notice of the time of events that are appended. */
  seeTime(time: string): void {
    if (time >= this.#timeHigh) this.#timeHigh = time;
    else {
      const back = Date.parse(this.#timeHigh) - Date.parse(time);
      this.#timeBack = Math.max(this.#timeBack, back);
    }
  }
}

function splitHashes(bytes: Uint8Array): Hash[] {
  const hashes: Hash[] = [];
  for (let at = 0; at < bytes.length; at += 32) hashes.push(bytes.slice(at, at + 32));
  return hashes;
}

export const damaged = (what: string): Unavailable =>
  new Unavailable("ledger-damaged", `The head of the ledger does not fit: ${what}`, {
    hint: "Run schemaledger verify on a copy of the file; do not append to it before",
  });
