import {
  frontierLength,
  leafHash,
  push,
  rootOf,
  same,
  subtreeRootsOf,
} from "../../domain/ledger/merkle.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";

/** Leaves that opening hashes again at most. */
const CHECKED_LEAVES = 1024;

/** One hash for each bit of a size. */
const MAX_FRONTIER = 53;

/** The head row, and what it must agree with. */
export interface HeadRow {
  readonly origin: string;
  /** Number of events, whatever the head row says. */
  readonly events: number;
  readonly size: number;
  readonly frontier: Uint8Array;
  readonly timeHigh: string;
  readonly timeBack: number;
}

/** Where a head comes from: the row, and the leaves from an index on. */
export interface HeadSource {
  head(): HeadRow;
  leaves(from: number): Iterable<Uint8Array>;
}

/** The head of a ledger in memory: what the next event builds on. */
export class LedgerHeadState {
  readonly #digest: Digest;
  readonly #frontier: Hash[];
  /** The first hashes of the frontier in one piece, and how many: a push changes but the last. */
  readonly #bytes = new Uint8Array(32 * MAX_FRONTIER);
  #written = 0;
  #size: number;
  #timeHigh: string;
  #timeBack: number;

  /** Throws Unavailable, code ledger-damaged, when the row contradicts itself. */
  constructor(digest: Digest, row: Omit<HeadRow, "origin">) {
    if (row.events < row.size) throw damaged("events are missing at the end");
    if (row.events > row.size) throw damaged("there are events beyond it");
    if (row.frontier.length !== 32 * frontierLength(row.size)) throw damaged("its frontier");
    this.#digest = digest;
    this.#frontier = splitHashes(row.frontier);
    this.#size = row.size;
    this.#timeHigh = row.timeHigh;
    this.#timeBack = row.timeBack;
  }

  /** Of a ledger without events. */
  static empty(digest: Digest): LedgerHeadState {
    const frontier = new Uint8Array();
    return new LedgerHeadState(digest, { size: 0, events: 0, frontier, timeHigh: "", timeBack: 0 });
  }

  /**
   * The head that is stored. Throws Unavailable, code ledger-damaged, when its row contradicts
   * itself or the events.
   */
  static of(digest: Digest, source: HeadSource): LedgerHeadState {
    const head = new LedgerHeadState(digest, source.head());
    const count = head.checkedLeaves;
    if (count > 0) head.#checkLast([...source.leaves(head.#size - count)]);
    return head;
  }

  /** Of how many last events the leaves are looked at: the last subtree, unless that is large. */
  get checkedLeaves(): number {
    const count = this.#size === 0 ? 0 : lastSubtree(this.#size);
    return count > CHECKED_LEAVES ? 0 : count;
  }

  #checkLast(leaves: readonly Uint8Array[]): void {
    const { sha256 } = this.#digest;
    const hashes = leaves.map((leaf) => leafHash(sha256, leaf));
    const root = subtreeRootsOf(sha256, hashes)(0, hashes.length);
    const last = this.#frontier.at(-1);
    if (last === undefined || !same(root, last))
      throw damaged("its frontier is not that of the last events");
  }

  /** The same once more, to be taken further while this one stays. */
  copy(): LedgerHeadState {
    const { size, frontier, timeHigh, timeBack } = this;
    return new LedgerHeadState(this.#digest, { size, events: size, frontier, timeHigh, timeBack });
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

  /** The frontier in one piece, valid until the next push. */
  get frontier(): Uint8Array {
    const { length } = this.#frontier;
    for (let i = this.#written; i < length; i += 1) this.#bytes.set(this.#frontier[i]!, 32 * i);
    this.#written = length;
    return this.#bytes.subarray(0, 32 * length);
  }

  /** The frontier as it is now. */
  get hashes(): readonly Hash[] {
    return [...this.#frontier];
  }

  root(): Hash {
    return rootOf(this.#digest.sha256, this.#frontier);
  }

  push(leaf: Hash): void {
    push(this.#digest.sha256, this.#frontier, this.#size, leaf);
    this.#size += 1;
    this.#written = Math.min(this.#written, this.#frontier.length - 1);
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

/** Leaves of the last subtree of a frontier: the lowest 1-bit of the size. */
function lastSubtree(size: number): number {
  let count = 1;
  while (size % (2 * count) === 0 && count < size) count *= 2;
  return count;
}

export function splitHashes(bytes: Uint8Array): Hash[] {
  const hashes: Hash[] = [];
  for (let at = 0; at < bytes.length; at += 32) hashes.push(bytes.slice(at, at + 32));
  return hashes;
}

export const damaged = (what: string): Unavailable =>
  new Unavailable("ledger-damaged", `The head of the ledger does not fit: ${what}`, {
    hint: "Compare a copy of the file with your newest backup of it; do not append to it before",
  });
