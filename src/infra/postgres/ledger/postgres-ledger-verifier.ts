import type { Checkpoint } from "../../../domain/ledger/ledger.ts";
import type { Digest } from "../../../domain/shared/digest.ts";
import type { KeptCheckpoint } from "../../signing/kept-checkpoint.ts";
import type { LedgerVerification, ToCompare } from "../../sqlite/ledger-verifier.ts";
import { verifyLedgerFile, type KeptHead } from "../../sqlite/verify-ledger.ts";
import type { PostgresLedgerCopies } from "./ledger-copies.ts";

/**
 * Verifies a ledger in PostgreSQL: everything that is stored is read once, byte for byte, into a file,
 * and that is verified, as any ledger file is. What was verified before is read again all the same.
 */
export class PostgresLedgerVerifier {
  readonly #copies: PostgresLedgerCopies;
  readonly #scratch: string;
  readonly #verifierKeys: () => readonly string[];
  readonly #digest: Digest;
  readonly #kept: KeptCheckpoint;

  constructor(options: {
    readonly copies: PostgresLedgerCopies;
    readonly scratch: string;
    readonly verifierKeys: () => readonly string[];
    readonly digest: Digest;
    readonly kept: KeptCheckpoint;
  }) {
    this.#copies = options.copies;
    this.#scratch = options.scratch;
    this.#verifierKeys = options.verifierKeys;
    this.#digest = options.digest;
    this.#kept = options.kept;
  }

  /** Errors: those of `PostgresLedgerCopies` and of `KeptCheckpoint.read`. */
  async verify({ kept = [], since }: ToCompare = {}): Promise<LedgerVerification> {
    const own = await this.#kept.read();
    const found = await this.#copies.withCopy(this.#scratch, (file) =>
      verifyLedgerFile(file, {
        digest: this.#digest,
        verifierKeys: this.#verifierKeys(),
        wholeFile: false,
        kept: [
          ...(own === undefined ? [] : [named(own)]),
          ...kept,
          ...(since === undefined ? [] : [since]),
        ],
        workers: 1,
      }),
    );
    return { ...found, root: this.#digest.base64(found.root) };
  }
}

const named = ({ size, root }: Checkpoint): KeptHead => ({
  size,
  root,
  name: "The checkpoint in the data directory",
});
