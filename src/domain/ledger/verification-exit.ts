/** What a verification ends with: docs/reference/transparency-log.md has the table. */
export const VERIFY_EXIT = {
  ok: 0,
  invalid: 10,
  forked: 20,
  truncated: 21,
  stale: 30,
  payloadMissing: 40,
  diverged: 50,
} as const;

const CODES: { readonly [code: string]: number } = {
  "kept-checkpoint-differs": VERIFY_EXIT.forked,
  "checkpoint-differs": VERIFY_EXIT.forked,
  "export-forked": VERIFY_EXIT.forked,
  "kept-checkpoint-ahead": VERIFY_EXIT.truncated,
  "ledger-behind-database": VERIFY_EXIT.truncated,
  "ledger-rolled-back": VERIFY_EXIT.truncated,
  "payload-missing": VERIFY_EXIT.payloadMissing,
  "content-missing": VERIFY_EXIT.payloadMissing,
};

/** When there are several findings, the first in this order counts. */
const ORDER = Object.values(VERIFY_EXIT).toSorted((a, b) => a - b);

/** The exit code for findings; those of a database (`database` is set) are divergences. */
export function verificationExit(
  findings: readonly { readonly code: string; readonly database?: string }[],
): number {
  const exits = new Set(
    findings.map(
      ({ code, database }) =>
        CODES[code] ?? (database === undefined ? VERIFY_EXIT.invalid : VERIFY_EXIT.diverged),
    ),
  );
  return ORDER.find((exit) => exits.has(exit)) ?? VERIFY_EXIT.ok;
}
