import type { AssuranceState } from "../../domain/state/safekeeping-state.ts";
import type { Names } from "./names.ts";

/** A scrub or a drill, as the API shows it. */
export const assuranceView = (assurance: AssuranceState, names: Names): object => {
  const about = {
    id: assurance.id,
    database: names.database(assurance.databaseId),
    databaseId: assurance.databaseId,
    status: assurance.status,
    reason: assurance.reason ?? null,
    requestedBy: names.actor(assurance.requested.actor),
    requestedAt: assurance.requested.time,
    endedAt: assurance.ended?.time ?? null,
    eventIndex: assurance.requested.index,
  };
  return assurance.kind === "scrub"
    ? { ...about, ...scrubbed(assurance) }
    : { ...about, ...drilled(assurance) };
};

const scrubbed = ({ scrub }: AssuranceState): object => ({
  verified: scrub?.verified ?? [],
  damaged: scrub?.damaged ?? [],
  unread: scrub?.unread ?? [],
  bytes: scrub?.bytes ?? null,
  durationMs: scrub?.durationMs ?? null,
});

const drilled = ({ drill }: AssuranceState): object => ({
  backupId: drill?.backupId ?? null,
  findings: drill?.findings ?? [],
  rows: drill?.rows ?? null,
  bytes: drill?.bytes ?? null,
  restoreMs: drill?.restoreMs ?? null,
  checkMs: drill?.checkMs ?? null,
});
