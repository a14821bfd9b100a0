import type { FoldEvent } from "../events.ts";
import type { RecoveryEvents } from "../recovery/events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import type { RecoveryState } from "./safekeeping-state.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type RecoveryEvent = Extract<FoldEvent, { type: keyof RecoveryEvents }>;

/** Folds recoveries of whole databases. */
export function foldRecovery(
  state: LedgerState,
  database: DatabaseState,
  event: RecoveryEvent,
): void {
  if (event.type === "DatabaseRecoveryRequested") return request(state, database, event);
  const recovery = state.recoveries.get(event.data.recoveryId);
  if (recovery === undefined)
    throw contradiction(event, `${event.data.recoveryId} was never requested`);
  switch (event.type) {
    case "DatabaseRecoveryPlanned": {
      const { recoveryId: _id, ...plan } = event.data;
      recovery.status = "running";
      recovery.plan = plan;
      return;
    }
    case "DatabaseRecoveryCompleted":
      recovery.facts = event.data;
      return end(database, recovery, "succeeded", event);
    case "DatabaseRecoveryFailed":
      recovery.failure = event.data;
      return end(database, recovery, "failed", event);
  }
}

function request(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<RecoveryEvent, { type: "DatabaseRecoveryRequested" }>,
): void {
  const { recoveryId, reason, procedure } = event.data;
  state.recoveries.set(recoveryId, {
    id: recoveryId,
    databaseId: database.id,
    reason,
    asked: procedure,
    requested: happened(event),
    status: "queued",
    plan: null,
    facts: null,
    failure: null,
    ended: null,
  });
  database.openRecoveries.add(recoveryId);
}

function end(
  database: DatabaseState,
  recovery: RecoveryState,
  status: RecoveryState["status"],
  event: RecoveryEvent,
): void {
  recovery.status = status;
  recovery.ended = happened(event);
  database.openRecoveries.delete(recovery.id);
  ended(database, "recoveries", recovery.id);
}
