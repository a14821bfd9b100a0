import type { CheckState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

/** An integrity check, as the API shows it. */
export const checkView = (check: CheckState, names: Names): object => ({
  id: check.id,
  database: names.database(check.databaseId),
  databaseId: check.databaseId,
  level: check.level,
  runId: check.runId ?? null,
  status: check.status,
  findings: check.findings,
  startedAt: check.started.time,
  startedBy: names.actor(check.started.actor),
  endedAt: check.ended?.time ?? null,
  durationMs: check.durationMs,
  eventIndex: check.started.index,
});
