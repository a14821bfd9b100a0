import type { AssuranceEvents } from "../assurance/events.ts";
import type { FoldEvent } from "../events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import type { AssuranceState } from "./safekeeping-state.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type AssuranceEvent = Extract<FoldEvent, { type: keyof AssuranceEvents }>;

/** Folds scrubs and drills. */
export function foldAssurance(
  state: LedgerState,
  database: DatabaseState,
  event: AssuranceEvent,
): void {
  switch (event.type) {
    case "ScrubRequested": {
      const { scrubId, reason } = event.data;
      state.scrubs.set(scrubId, fresh("scrub", scrubId, reason, database, event));
      return;
    }
    case "DrillRequested": {
      const { drillId, reason } = event.data;
      state.drills.set(drillId, fresh("drill", drillId, reason, database, event));
      return;
    }
    case "ScrubCompleted": {
      const scrub = known(state.scrubs.get(event.data.scrubId), event);
      scrub.scrub = event.data;
      return end(database, scrub, event.data.status, event);
    }
    case "DrillCompleted": {
      const drill = known(state.drills.get(event.data.drillId), event);
      drill.drill = event.data;
      return end(database, drill, event.data.status, event);
    }
  }
}

function fresh(
  kind: AssuranceState["kind"],
  id: string,
  reason: string | undefined,
  database: DatabaseState,
  event: AssuranceEvent,
): AssuranceState {
  database.openAssurances.set(id, kind);
  const what = { id, databaseId: database.id, kind, reason, requested: happened(event) };
  return { ...what, status: "queued", scrub: null, drill: null, ended: null };
}

function known(found: AssuranceState | undefined, event: AssuranceEvent): AssuranceState {
  if (found === undefined) throw contradiction(event, "it was never requested");
  return found;
}

function end(
  database: DatabaseState,
  assurance: AssuranceState,
  status: AssuranceState["status"],
  event: AssuranceEvent,
): void {
  assurance.status = status;
  assurance.ended = happened(event);
  database.openAssurances.delete(assurance.id);
  ended(database, assurance.kind === "scrub" ? "scrubs" : "drills", assurance.id);
}
