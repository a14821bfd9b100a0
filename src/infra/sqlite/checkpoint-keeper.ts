import { signCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { Checkpoint, LedgerHead } from "../../domain/ledger/ledger.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Signers } from "../../domain/shared/signer.ts";

/**
 * Keeps the newest head signed. Only the newest size needs a signature: one is made at a time, off
 * the event loop, and sizes that pass meanwhile are skipped.
 */
export class CheckpointKeeper {
  readonly #digest: Digest;
  readonly #signers: Signers;
  readonly #head: () => LedgerHead;
  #latest: Checkpoint | undefined;
  #unstored: Checkpoint | undefined;
  #signing: Promise<Checkpoint> | undefined;

  /** `head` gives the head of what is committed: nothing else may ever be signed. */
  constructor(digest: Digest, signers: Signers, head: () => LedgerHead, stored?: Checkpoint) {
    this.#digest = digest;
    this.#signers = signers;
    this.#head = head;
    this.#latest = stored;
  }

  /** A checkpoint that no transaction has stored yet. */
  get unstored(): Checkpoint | undefined {
    return this.#unstored;
  }

  /** The newest signed checkpoint, without waiting for one that is being made. */
  get newest(): Checkpoint | undefined {
    return this.#latest;
  }

  markStored(checkpoint: Checkpoint | undefined): void {
    if (this.#unstored === checkpoint) this.#unstored = undefined;
  }

  /** The signed checkpoint of the head as it is now, or of a newer one. */
  async current(size: number): Promise<Checkpoint> {
    while (this.#latest === undefined || this.#latest.size < size) {
      this.#signing ??= this.#sign().finally(() => {
        this.#signing = undefined;
      });
      await this.#signing;
    }
    return this.#latest;
  }

  async #sign(): Promise<Checkpoint> {
    const checkpoint = await signCheckpoint(this.#digest, this.#signers, this.#head());
    this.#latest = checkpoint;
    this.#unstored = checkpoint;
    return checkpoint;
  }
}
