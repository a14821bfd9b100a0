import { readFile } from "node:fs/promises";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { Checkpoint, Ledger } from "../../domain/ledger/ledger.ts";
import { VERIFY_EXIT } from "../../domain/ledger/verification-exit.ts";
import { same } from "../../domain/ledger/merkle.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { writeFileAtomic } from "../files/atomic-write.ts";
import { checkEd25519 } from "./ed25519-signer.ts";

/** Time between two looks at what was signed, ms. */
const KEEP_EVERY = 1000;

/**
 * The newest signed checkpoint in a file of its own: an older ledger that takes the place of the
 * present one fits in itself, and only something outside of it tells that events are gone.
 */
export class KeptCheckpoint {
  readonly #file: string;
  readonly #keys: () => readonly VerifierKey[];
  readonly #digest: Digest;
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `keys`: those whose signatures are ours. */
  constructor(file: string, keys: () => readonly VerifierKey[], digest: Digest) {
    this.#file = file;
    this.#keys = keys;
    this.#digest = digest;
  }

  /** Undefined if none was kept yet. Error: Unavailable checkpoint-file-damaged. */
  async read(): Promise<Checkpoint | undefined> {
    let note: string;
    try {
      note = await readFile(this.#file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
    try {
      const { size, root } = openCheckpoint(this.#digest, note, this.#keys(), checkEd25519);
      return { size, root, note };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      throw new Unavailable(
        "checkpoint-file-damaged",
        `${this.#file} does not hold a checkpoint of this ledger: ${error.message}`,
        {
          hint: "Put the file back from a copy, or move it away if the ledger is known to be whole",
        },
      );
    }
  }

  /** Error: Unavailable ledger-rolled-back when the ledger does not reach what was signed. */
  async requireReached(ledger: Ledger): Promise<void> {
    const kept = await this.read();
    if (kept === undefined) return;
    this.#size = kept.size;
    const { size, root } = await ledger.head();
    if (size > kept.size || (size === kept.size && same(root, kept.root))) return;
    const found = size < kept.size ? `only ${size}` : "others";
    throw new Unavailable(
      "ledger-rolled-back",
      `A checkpoint of ${kept.size} events was signed, but the ledger has ${found}: an older or another copy is in its place`,
      {
        hint: `Put the newest ledger.db back, with its -wal file if there was one. If it is lost, move ${this.#file} away: the loss then stays provable by it`,
        details: { signed: kept.size, found: size, exitCode: VERIFY_EXIT.truncated },
      },
    );
  }

  /** Keeps, from now on, what the ledger signs. `onError` is told of a file that cannot be written. */
  start(ledger: Pick<Ledger, "newestCheckpoint">, onError: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      this.#keep(ledger).catch(onError);
    }, KEEP_EVERY).unref();
  }

  /** Keeps the last one. Call it when the ledger is closed. */
  async stop(ledger: Pick<Ledger, "newestCheckpoint">): Promise<void> {
    clearInterval(this.#timer);
    await this.#keep(ledger);
  }

  #keep(ledger: Pick<Ledger, "newestCheckpoint">): Promise<void> {
    const before = this.#writing.catch(() => {
      // Whoever asked for that one was told.
    });
    this.#writing = before.then(async () => {
      const checkpoint = ledger.newestCheckpoint();
      if (checkpoint === undefined || checkpoint.size <= this.#size) return;
      await writeFileAtomic(this.#file, checkpoint.note);
      this.#size = checkpoint.size;
    });
    return this.#writing;
  }
}
