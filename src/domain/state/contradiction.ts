import type { FoldEvent } from "../events.ts";
import { DomainError } from "../shared/errors.ts";

/** The event cannot follow what was folded before it. */
export function contradiction(event: FoldEvent, why: string): DomainError {
  return new DomainError(
    "fold-contradiction",
    `Event ${event.index} (${event.type}) contradicts the ledger before it: ${why}`,
    { hint: "Verify the ledger; do not append until the cause is known" },
  );
}
