import type { StepRequest, StepResult, StepScript } from "../../domain/engine/database-engine.ts";
import type { ScriptAnalysis, Statement } from "../../domain/engine/dialect.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { beginImmediate, commit, rollback, type Connection } from "./connection.ts";
import type { StepConnection } from "./connections.ts";
import type { OnStatement } from "./guarded-script.ts";
import { writeMarker } from "./markers.ts";
import { raiseFence } from "./meta.ts";
import { probe, probeNote, probeOf } from "./probe.ts";
import { changedRows } from "./rows.ts";
import type { Session } from "./session.ts";
import { knownState, readState, type KnownState } from "./step-state.ts";
import { claim } from "./step-claim.ts";
import { factsOf } from "./step-facts.ts";
import { StepFault } from "../step/step-fault.ts";
import { statementFault } from "./step-fault.ts";
import { failed } from "./step-result.ts";
import { settle } from "./step-proof.ts";
import { deadlineIn, whileBusy } from "./waiting.ts";

/**
 * A step that SQLite refuses in a transaction and makes atomic by itself: marker `started`, the
 * statements, a probe, marker `done`. Between the two markers other connections can write.
 */
export async function applyOutside(
  session: Session,
  step: StepRequest,
  script: ScriptAnalysis,
): Promise<StepResult> {
  const started = performance.now();
  let connection: StepConnection | undefined;
  let begun = false;
  let state: KnownState;
  let fenceBefore: number | undefined;
  try {
    connection = await session.connections.step();
    const { db } = connection;
    await session.faults("before-begin");
    await beginImmediate(db, deadlineIn(step.lockTimeoutMs));
    begun = true;
    await session.faults("after-begin");
    state = knownState(db, connection.known);
    fenceBefore = state.meta.fence;
    claim(db, session.target, step, step.expectedBefore, state);
    writeMarker(db, step, "started", probeNote(probeOf(script, step.direction)));
    await commit(db, deadlineIn(step.lockTimeoutMs));
  } catch (error) {
    const settled = await settle(session, step, { begun, fenceBefore, db: connection?.db });
    return failed(error, settled === "unchanged" ? "unchanged" : "unknown", undefined);
  }
  return finish(session, step, connection, script, { state, started });
}

async function finish(
  session: Session,
  step: StepRequest,
  connection: StepConnection,
  script: ScriptAnalysis,
  { state, started }: { state: KnownState; started: number },
): Promise<StepResult> {
  const { db } = connection;
  const lockedAt = performance.now();
  connection.known = undefined;
  const { version } = step;
  const statements = script.statements.length;
  const progress = { done: 0 };
  try {
    const { after, findings } = await runOutside(db, step, script, {
      before: state,
      deadline: () => deadlineIn(step.lockTimeoutMs),
      onStatement: ({ number }) => {
        const position = { statement: number, statements };
        session.host.onProgress({ phase: "step", version, ...position });
        return session.faults(`statement:${number}`);
      },
      onDone: () => (progress.done += 1),
    });
    await session.faults("after-statements");
    await beginImmediate(db, deadlineIn(step.lockTimeoutMs));
    raiseFence(db, step.token);
    writeMarker(db, step, step.direction === "up" ? "done" : "reverted", after.fingerprint);
    await session.faults("after-marker");
    const times = { started, lockedAt, now: performance.now() };
    const facts = factsOf({ script, before: { state }, outcome: { after, findings } }, times);
    await commit(db, deadlineIn(step.lockTimeoutMs));
    await session.faults("after-commit");
    return { status: "done", ...facts };
  } catch (error) {
    rollback(db);
    session.connections.discard();
    // Each statement is atomic by itself: if the first one failed, nothing has changed.
    return failed(error, progress.done === 0 ? "unchanged" : "unknown", undefined);
  }
}

interface OutsideRun {
  readonly before: KnownState;
  readonly deadline: () => number;
  readonly onStatement: OnStatement;
  readonly onDone: () => void;
}

/** Runs the admitted statements one by one, probes, and checks that no row is missing. */
export async function runOutside(
  db: Connection,
  step: StepScript,
  script: ScriptAnalysis,
  run: OutsideRun,
): Promise<{ after: KnownState; findings: readonly Finding[] }> {
  for (const statement of script.statements) {
    await run.onStatement(statement);
    await execute(db, statement, run.deadline());
    // Settings that only VACUUM puts into force change nothing by themselves.
    if (!isPreparation(script, statement)) run.onDone();
  }
  if (probe(db, probeOf(script, step.direction)) !== "applied")
    throw new StepFault({
      code: "not-applied",
      message: "The statement reported success but the setting is not in force",
      hint: "In WAL mode the page size cannot change; other connections can be in the way",
    });
  const after = readState(db, run.before.dataVersion);
  requireSame(run.before, after);
  return { after, findings: script.findings };
}

const isPreparation = (script: ScriptAnalysis, statement: Statement): boolean =>
  statement !== script.statements.at(-1);

async function execute(
  db: Connection,
  { sql, number }: Statement,
  deadline: number,
): Promise<void> {
  try {
    await whileBusy(deadline, () => {
      db.exec(sql);
    });
  } catch (error) {
    throw statementFault(error, number, false);
  }
}

function requireSame(before: KnownState, after: KnownState): void {
  const lost = changedRows(before.rows, after.rows).find(
    (change) => (change.after ?? 0) < (change.before ?? 0),
  );
  if (before.fingerprint !== after.fingerprint || lost !== undefined)
    throw new StepFault({
      code: lost === undefined ? "fingerprint-differs" : "rows-lost",
      message: `Schema or rows changed while the step ran${lost === undefined ? "" : `: ${lost.table}`}`,
      hint: "Another connection wrote meanwhile: such a step takes no lock; stop the application",
    });
}
