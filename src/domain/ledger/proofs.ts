import type { Digest, Hash } from "../shared/digest.ts";
import { InvalidInput, NotFound, Unavailable } from "../shared/errors.ts";
import type { Checkpoint, Ledger } from "./ledger.ts";
import { leafHash, same, verifyConsistency, verifyInclusion } from "./merkle.ts";
import { tlogProofText } from "./tlog-proof.ts";
import type { StoredEntry, TransparencyLog } from "./transparency-log.ts";

/** Proofs about the ledger for people outside. None leaves without having been checked here. */
export class Proofs {
  readonly #ledger: Pick<Ledger, "checkpoint">;
  readonly #log: TransparencyLog;
  readonly #digest: Digest;

  constructor(ledger: Pick<Ledger, "checkpoint">, log: TransparencyLog, digest: Digest) {
    this.#ledger = ledger;
    this.#log = log;
    this.#digest = digest;
  }

  /** The stored entry of an event. Error: NotFound event-not-found. */
  async entry(index: number): Promise<StoredEntry> {
    const [entry] = await this.#log.entries(index, 1);
    if (entry?.index === index) return entry;
    throw new NotFound("event-not-found", `The ledger has no event ${index}`, {
      hint: "Indexes are counted from 0; GET /v1/ledger/checkpoint names the size",
    });
  }

  /**
   * The proof file of an event, against the present checkpoint. Errors: NotFound event-not-found ·
   * Unavailable proof-wrong, when the ledger does not prove itself.
   */
  async fileOf(index: number): Promise<string> {
    const entry = await this.entry(index);
    const checkpoint = await this.#ledger.checkpoint();
    const path = await this.#log.inclusionProof(index, checkpoint.size);
    const { sha256 } = this.#digest;
    const leaf = leafHash(sha256, entry.leaf);
    const claim = { index, size: checkpoint.size, leaf };
    if (!verifyInclusion(sha256, claim, path, checkpoint.root)) throw wrong(`event ${index}`);
    const extra = this.#extra(entry);
    return tlogProofText(this.#digest, { extra, index, path, checkpoint: checkpoint.note });
  }

  /**
   * That the present checkpoint continues the tree of `first` events, whose root is given back too.
   * Errors: InvalidInput size-beyond-log · Unavailable proof-wrong.
   */
  async consistency(first: number): Promise<Consistency> {
    const checkpoint = await this.#ledger.checkpoint();
    if (first < 1 || first > checkpoint.size)
      throw new InvalidInput(
        "size-beyond-log",
        `The log has ${checkpoint.size} entries, not ${first}`,
        {
          hint: "Take the size of a checkpoint that this ledger signed, at least 1",
        },
      );
    const root = await this.#log.rootAt(first);
    const proof = await this.#log.consistencyProof(first, checkpoint.size);
    const { sha256 } = this.#digest;
    if (!verifyConsistency(sha256, { size: first, root }, checkpoint, proof))
      throw wrong(`size ${first}`);
    return { first, root, checkpoint, proof };
  }

  /** Whether a checkpoint kept elsewhere is one of this ledger's: the same root at its size. */
  async agrees(kept: { readonly size: number; readonly root: Hash }): Promise<boolean> {
    return same(await this.#log.rootAt(kept.size), kept.root);
  }

  #extra({ salt, payload }: StoredEntry): Uint8Array | undefined {
    if (salt === null || payload === null) return undefined;
    const text = this.#digest.utf8(payload);
    const extra = new Uint8Array(salt.length + text.length);
    extra.set(salt);
    extra.set(text, salt.length);
    return extra;
  }
}

export interface Consistency {
  readonly first: number;
  readonly root: Hash;
  readonly checkpoint: Checkpoint;
  readonly proof: readonly Hash[];
}

const wrong = (what: string): Unavailable =>
  new Unavailable("proof-wrong", `The ledger gives no right proof of ${what}`, {
    hint: "Verify the ledger with POST /v1/ledger/verifications: something stored was changed",
  });
