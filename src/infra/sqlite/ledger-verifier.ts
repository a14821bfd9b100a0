import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { KeptCheckpoint } from "../signing/kept-checkpoint.ts";
import { verifyLedgerFile, type KeptHead } from "./verify-ledger.ts";
import type { LedgerVerification as Verification } from "../ledger/verification.ts";

/** A verification as the API shows it: the root in base64. */
export interface LedgerVerification extends Omit<Verification, "root"> {
  readonly root: string;
}

/** What to compare with beside the ledger's own checkpoints. */
export interface ToCompare {
  readonly kept?: readonly KeptHead[];
  readonly since?: KeptHead | undefined;
}

/**
 * Verifies the ledger file of a running service over connections of its own that cannot write, in a
 * thread when it is large. SQLite's check of its own structures is left to the command line: it
 * would hold up requests.
 */
export class SqliteLedgerVerifier {
  readonly #file: string;
  readonly #tileCache: string;
  readonly #verifierKeys: () => readonly string[];
  readonly #digest: Digest;
  readonly #kept: KeptCheckpoint;

  constructor(options: {
    readonly file: string;
    readonly tileCache: string;
    readonly verifierKeys: () => readonly string[];
    readonly digest: Digest;
    readonly kept: KeptCheckpoint;
  }) {
    this.#file = options.file;
    this.#tileCache = options.tileCache;
    this.#verifierKeys = options.verifierKeys;
    this.#digest = options.digest;
    this.#kept = options.kept;
  }

  /** Errors: those of `openLedgerFile` and of `KeptCheckpoint.read`. */
  async verify({ kept = [], since }: ToCompare = {}): Promise<LedgerVerification> {
    const own = await this.#kept.read();
    const found = await verifyLedgerFile(this.#file, {
      digest: this.#digest,
      verifierKeys: this.#verifierKeys(),
      wholeFile: false,
      kept: [...(own === undefined ? [] : [named(own)]), ...kept],
      since,
      tileCache: this.#tileCache,
      workers: 1,
    });
    return { ...found, root: this.#digest.base64(found.root) };
  }
}

const named = ({ size, root }: Checkpoint): KeptHead => ({
  size,
  root,
  name: "The checkpoint in the data directory",
});
