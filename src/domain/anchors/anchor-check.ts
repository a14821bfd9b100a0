import type { LedgerHead } from "../ledger/ledger.ts";
import { same } from "../ledger/merkle.ts";
import type { TransparencyLog } from "../ledger/transparency-log.ts";
import { VERIFY_EXIT } from "../ledger/verification-exit.ts";
import { Unavailable } from "../shared/errors.ts";

/** A place outside the ledger that keeps what it signed. */
export interface Anchor {
  /** For people. */
  readonly name: string;
  /** The newest head that it has; undefined if it has none yet. Rejects when it cannot be asked. */
  newest(): Promise<LedgerHead | undefined>;
}

const HINT =
  "An older or another copy of the ledger is in use. Put the newest ledger.db back; if it is lost, see docs/guides/ledger-behind.md";

/**
 * Compares the ledger with every anchor that can be reached, before anything is appended: what
 * would be appended to an older copy would fork the history. `unreachable` is told of the others.
 * Errors: Unavailable ledger-rolled-back, ledger-forked (with `exitCode` 21 or 20).
 */
export async function requireAnchored(
  anchors: readonly Anchor[],
  log: TransparencyLog,
  size: number,
  unreachable: (anchor: Anchor, error: unknown) => void,
): Promise<void> {
  const found = await Promise.all(
    anchors.map(async (anchor) => {
      try {
        return { anchor, head: await anchor.newest() };
      } catch (error) {
        unreachable(anchor, error);
        return { anchor, head: undefined };
      }
    }),
  );
  for (const { anchor, head } of found)
    if (head !== undefined) await compare(anchor, head, log, size);
}

async function compare(
  anchor: Anchor,
  head: LedgerHead,
  log: TransparencyLog,
  size: number,
): Promise<void> {
  if (head.size > size)
    throw new Unavailable(
      "ledger-rolled-back",
      `${anchor.name} has a signed checkpoint of ${head.size} events, the ledger has only ${size}`,
      { hint: HINT, details: { anchor: anchor.name, exitCode: VERIFY_EXIT.truncated } },
    );
  if (same(await log.rootAt(head.size), head.root)) return;
  throw new Unavailable(
    "ledger-forked",
    `${anchor.name} has a signed checkpoint of ${head.size} events that are not those of the ledger`,
    { hint: HINT, details: { anchor: anchor.name, exitCode: VERIFY_EXIT.forked } },
  );
}
