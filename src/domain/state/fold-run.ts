import type { FoldEvent } from "../events.ts";
import { contradiction } from "./contradiction.ts";
import { happened } from "./happened.ts";
import { ended } from "./leaving.ts";
import type { DatabaseState, LedgerState, RunState } from "./state.ts";

type RunEvent = Extract<
  FoldEvent,
  {
    type:
      | "RunRequested"
      | "RunStarted"
      | "RehearsalCompleted"
      | "RunCompleted"
      | "RunFailed"
      | "RunCancelled";
  }
>;

/** Folds what happens to a run as a whole. */
export function foldRun(state: LedgerState, database: DatabaseState, event: RunEvent): void {
  if (event.type === "RunRequested") return request(state, database, event);
  const run = runOf(state, event.data.runId, event);
  switch (event.type) {
    case "RunStarted":
      run.status = "running";
      run.started = happened(event);
      skip(run, event.data.skipped ?? []);
      database.drift = null;
      return;
    case "RehearsalCompleted":
      run.rehearsal = event.data;
      return;
    case "RunCompleted":
      run.status = "succeeded";
      run.outcome = completedOutcome(run);
      return endRun(database, run, event);
    case "RunFailed":
      run.status = "failed";
      run.outcome = event.data.outcome;
      run.error = event.data.error;
      return endRun(database, run, event);
    case "RunCancelled":
      run.status = "cancelled";
      run.outcome = event.data.outcome;
      run.error = { code: "cancelled", message: event.data.reason };
      return endRun(database, run, event);
  }
}

/** The run an event speaks of. */
export function runOf(state: LedgerState, runId: string, event: FoldEvent): RunState {
  const run = state.runs.get(runId);
  if (run === undefined)
    throw contradiction(event, `run ${runId} was never requested, or has ended`);
  return run;
}

function skip(run: RunState, versions: readonly string[]): void {
  const kept = run.steps.filter((step) => !versions.includes(step.version));
  run.steps.splice(0, run.steps.length, ...kept);
}

function completedOutcome(run: RunState): RunState["outcome"] {
  if (run.steps.length === 0) return "nothing-to-do";
  if (run.rehearsalOnly) return "rehearsed";
  return run.kind === "migrate" ? "applied" : "rolled-back";
}

/** The run is over: nothing of it will happen any more. */
export function endRun(database: DatabaseState, run: RunState, event: FoldEvent): void {
  run.ended = happened(event);
  database.lastRun = run.id;
  database.openRuns.delete(run.id);
  ended(database, "runs", run.id);
}

function request(
  state: LedgerState,
  database: DatabaseState,
  event: Extract<RunEvent, { type: "RunRequested" }>,
): void {
  const { data } = event;
  database.openRuns.add(data.runId);
  state.runs.set(data.runId, {
    what: "run",
    id: data.runId,
    databaseId: database.id,
    kind: data.kind,
    to: data.to,
    planDigest: data.planDigest,
    reason: data.reason,
    ticket: data.ticket,
    rehearse: data.rehearse,
    onFailure: data.onFailure,
    strategy: data.strategy,
    restores: data.restores,
    rehearsalOnly: data.rehearsalOnly ?? false,
    withDown: data.withDown ?? false,
    risk: data.risk ?? "ordinary",
    notBefore: data.notBefore,
    exception: data.exception ?? false,
    emergency: data.emergency ?? false,
    reviewBy: data.reviewBy ?? null,
    exempt: data.rehearsalOnly === true ? "rehearsal" : null,
    requested: happened(event),
    steps: data.steps.map(({ version, name, direction, transaction }) => ({
      version,
      name,
      direction,
      transaction,
      status: "pending",
      attempt: null,
      durationMs: null,
      error: null,
      findings: [],
      eventIndex: null,
    })),
    status: (data.approvalsNeeded ?? 0) > 0 ? "awaiting-approval" : "queued",
    approvalsNeeded: data.approvalsNeeded ?? 0,
    approvals: [],
    scheduled: null,
    review: null,
    started: null,
    ended: null,
    outcome: null,
    error: null,
    backupId: null,
    rehearsal: null,
    restoreIds: [],
  });
}
