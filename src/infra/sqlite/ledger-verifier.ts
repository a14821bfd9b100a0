import type { Digest } from "../../domain/shared/digest.ts";
import type { KeptCheckpoint } from "../signing/kept-checkpoint.ts";
import { verifyLedgerFile, type LedgerVerification as Verification } from "./verify-ledger.ts";

/** A verification as the API shows it: the root in base64. */
export interface LedgerVerification extends Omit<Verification, "root"> {
  readonly root: string;
}

/**
 * Verifies the ledger file of a running service over a connection of its own that cannot write.
 * SQLite's check of its own structures is left to the command line: it would hold up requests.
 */
export class SqliteLedgerVerifier {
  readonly #file: string;
  readonly #verifierKeys: () => readonly string[];
  readonly #digest: Digest;
  readonly #kept: KeptCheckpoint;

  constructor(
    file: string,
    verifierKeys: () => readonly string[],
    digest: Digest,
    kept: KeptCheckpoint,
  ) {
    this.#file = file;
    this.#verifierKeys = verifierKeys;
    this.#digest = digest;
    this.#kept = kept;
  }

  /** Errors: those of `openLedgerFile` and of `KeptCheckpoint.read`. */
  async verify(): Promise<LedgerVerification> {
    const found = await verifyLedgerFile(this.#file, {
      digest: this.#digest,
      verifierKeys: this.#verifierKeys(),
      wholeFile: false,
      kept: await this.#kept.read(),
    });
    return { ...found, root: this.#digest.base64(found.root) };
  }
}
