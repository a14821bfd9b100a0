import type { StepRequest } from "../../domain/engine/database-engine.ts";
import { readSnapshot, rollback, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { phaseOf } from "./markers.ts";
import { requireMeta } from "./meta.ts";
import type { Session } from "./session.ts";

/** What is known of a transaction that did not end well. */
export interface Unsettled {
  /** The write lock was held at some time. */
  readonly begun: boolean;
  /** The fence before the step raised it; undefined if it did not come that far. */
  readonly fenceBefore: number | undefined;
  readonly db: Connection | undefined;
}

/**
 * Ends a failed step's transaction and finds out on a new connection what the file says. Neither
 * an error nor its absence says whether a commit happened: only the marker does.
 */
export async function settle(
  session: Session,
  step: StepRequest,
  { begun, fenceBefore, db }: Unsettled,
): Promise<"unchanged" | "applied" | "unknown"> {
  if (!begun) return "unchanged";
  try {
    if (db !== undefined) rollback(db);
  } catch {
    // Closing the connection rolls back too, or leaves a journal that the next one rolls back.
  }
  session.connections.discard();
  try {
    return await withDatabase(session.target.url, "managed", (proof) =>
      readSnapshot(proof, () => judge(proof, step, fenceBefore)),
    );
  } catch {
    // The file cannot be read now, so nothing is proven; recovery will look again.
    return "unknown";
  }
}

function judge(
  proof: Connection,
  step: StepRequest,
  fenceBefore: number | undefined,
): "unchanged" | "applied" | "unknown" {
  const { fence } = requireMeta(proof);
  const phase = phaseOf(proof, step.attempt);
  if (phase === "done" || phase === "reverted") return "applied";
  // The fence was raised in the same transaction: if it stays, part of the step was committed.
  const kept = fenceBefore !== undefined && fenceBefore < step.token && fence === step.token;
  return kept || phase === "started" ? "unknown" : "unchanged";
}
