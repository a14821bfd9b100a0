import type { Hash } from "../../domain/shared/digest.ts";

/** Something in a ledger that is not as it must be. */
export interface LedgerFinding {
  /** Stable kebab-case, `leaf-hash-differs` for one. */
  readonly code: string;
  readonly message: string;
  /** The event concerned, if it is one. */
  readonly index?: number;
}

export interface LedgerVerification {
  readonly ok: boolean;
  readonly size: number;
  /** Recomputed from the stored leaves. */
  readonly root: Hash;
  readonly checkedEvents: number;
  /** Payloads that were erased: their leaves are checked, they themselves cannot be. */
  readonly erasedPayloads: number;
  /** At most 1,000; `ok` is false when there is any. */
  readonly findings: readonly LedgerFinding[];
}

export const MAX_FINDINGS = 1000;

/** Collects findings, not more than anybody reads. */
export class Findings {
  readonly list: LedgerFinding[] = [];

  add(code: string, message: string, index?: number): void {
    if (this.list.length >= MAX_FINDINGS) return;
    this.list.push({ code, message, ...(index === undefined ? {} : { index }) });
  }
}
