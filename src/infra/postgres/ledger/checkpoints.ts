import { signCheckpoint } from "../../../domain/ledger/checkpoint.ts";
import type { Checkpoint, LedgerHead } from "../../../domain/ledger/ledger.ts";
import { same } from "../../../domain/ledger/merkle.ts";
import type { Clock } from "../../../domain/shared/clock.ts";
import type { Digest } from "../../../domain/shared/digest.ts";
import type { Signers } from "../../../domain/shared/signer.ts";
import { damaged } from "../../ledger/ledger-head.ts";
import type { LedgerReader } from "./reader.ts";
import type { Sessions } from "./sessions.ts";

interface CheckpointParts {
  readonly digest: Digest;
  readonly signers: Signers;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly reader: LedgerReader;
  /** Of what is committed: nothing else may ever be signed. */
  readonly head: () => LedgerHead;
}

/** One row of a size, whoever was first: the others take that one. */
const STORE = `INSERT INTO checkpoint (size, root, note, created_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (size) DO NOTHING`;

/**
 * Signs heads. Several processes may sign the same one, with other keys while keys are rotated: a
 * checkpoint is given out only once it is stored, and what is given out is what is stored.
 */
export class Checkpoints {
  readonly #parts: CheckpointParts;
  #latest: Checkpoint | undefined;
  #signing: Promise<void> | undefined;

  constructor(parts: CheckpointParts, stored: Checkpoint | undefined) {
    this.#parts = parts;
    this.#latest = stored;
  }

  get newest(): Checkpoint | undefined {
    return this.#latest;
  }

  /** Takes notice of what others signed. */
  async refresh(): Promise<Checkpoint | undefined> {
    const stored = await this.#parts.reader.newestCheckpoint();
    if (stored !== undefined && stored.size > (this.#latest?.size ?? -1)) this.#latest = stored;
    return this.#latest;
  }

  /** The checkpoint of the head as it is now, or of a newer one. */
  async current(size: number): Promise<Checkpoint> {
    while (this.#latest === undefined || this.#latest.size < size) {
      this.#signing ??= this.#sign().finally(() => {
        this.#signing = undefined;
      });
      await this.#signing;
    }
    return this.#latest;
  }

  async #sign(): Promise<void> {
    const { digest, signers, clock, sessions, reader } = this.#parts;
    const head = this.#parts.head();
    const known = await reader.checkpointFrom(head.size);
    if (known?.size !== head.size) {
      const { size, root, note } = await signCheckpoint(digest, signers, head);
      const values = [size, Buffer.from(root), note, clock.now()];
      await sessions.use((client) => client.query(STORE, values));
    }
    const stored = known?.size === head.size ? known : await reader.checkpointFrom(head.size);
    if (stored?.size !== head.size) throw damaged(`its checkpoint of size ${head.size} is gone`);
    if (!same(stored.root, head.root)) throw damaged("its root is not the one that was signed");
    if (this.#latest === undefined || this.#latest.size < stored.size) this.#latest = stored;
  }
}
