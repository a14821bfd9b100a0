import { entryBundle } from "../../src/domain/ledger/entry-bundle.ts";
import { signCheckpoint } from "../../src/domain/ledger/checkpoint.ts";
import type { Checkpoint } from "../../src/domain/ledger/ledger.ts";
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  subtreeRootsOf,
} from "../../src/domain/ledger/merkle.ts";
import { hasTile } from "../../src/domain/ledger/tile.ts";
import type { StoredEntry, TransparencyLog } from "../../src/domain/ledger/transparency-log.ts";
import { signsAlone, type Signer } from "../../src/domain/shared/signer.ts";
import { digest } from "./digest.ts";

/** Whatever entries someone wants a log to have, by the definitions alone. */
export class MemoryLog implements TransparencyLog {
  readonly #entries: readonly StoredEntry[];
  readonly #subtree: ReturnType<typeof subtreeRootsOf>;

  constructor(entries: readonly StoredEntry[]) {
    this.#entries = entries;
    const leaves = entries.map(({ leaf }) => leafHash(digest.sha256, leaf));
    this.#subtree = subtreeRootsOf(digest.sha256, leaves);
  }

  /** Signs its head. */
  checkpoint(signer: Signer): Promise<Checkpoint> {
    const size = this.#entries.length;
    const head = { origin: signer.name, size, root: this.#subtree(0, size) };
    return signCheckpoint(digest, signsAlone(signer), head);
  }

  async tile(id: Parameters<TransparencyLog["tile"]>[0]): Promise<Uint8Array | undefined> {
    const { level, index, width } = id;
    if (!hasTile(id, this.#entries.length)) return undefined;
    const places = Array.from({ length: width }, (_, i) => index * 256 + i);
    if (level === "entries") return entryBundle(places.map((at) => this.#entries[at]!.leaf));
    const span = 256 ** level;
    return Buffer.concat(places.map((at) => this.#subtree(at * span, (at + 1) * span)));
  }

  async entries(from: number, limit: number): Promise<readonly StoredEntry[]> {
    return this.#entries.slice(from, from + limit);
  }

  rootAt = async (size: number): Promise<Uint8Array> => this.#subtree(0, size);
  inclusionProof = async (index: number, size: number): Promise<readonly Uint8Array[]> =>
    inclusionProof(this.#subtree, index, size);
  consistencyProof = async (first: number, second: number): Promise<readonly Uint8Array[]> =>
    consistencyProof(this.#subtree, first, second);
}
