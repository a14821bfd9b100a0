import type { Append } from "../../domain/ledger/ledger.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Ids } from "../../domain/shared/ids.ts";
import type { Signers } from "../../domain/shared/signer.ts";

/** What a ledger is opened with, wherever it is stored. */
export interface LedgerOptions {
  /** Default: the signers' name, which it must equal. */
  readonly origin?: string;
  readonly signers: Signers;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Recorded with every event: the machine, this process, this program. */
  readonly host: string;
  readonly instance: string;
  readonly toolVersion: string;
  readonly readOnly?: boolean;
  /** What else belongs into an append. Default: nothing. */
  readonly complete?: (append: Append) => Append;
  /** Seals personal data on its way in. Default: it is stored as it comes. */
  readonly sealer?: LedgerSealer;
}

/** What the ledger seals, and opens again for itself. */
export interface LedgerSealer {
  append(append: Append): Append | Promise<Append>;
  answer(key: string, text: string): string | Promise<string>;
  /** Undefined when the answer cannot be read any more. */
  storedAnswer(text: string): string | undefined;
}
