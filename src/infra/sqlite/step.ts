import type {
  StepRequest,
  StepResult,
  TableBackupResult,
} from "../../domain/engine/database-engine.ts";
import type { StepFacts } from "../../domain/migration/events.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { beginImmediate, commit } from "./connection.ts";
import type { StepConnection } from "./connections.ts";
import { runGuarded, type GuardedOutcome } from "./guarded-script.ts";
import { writeMarker } from "./markers.ts";
import type { Session } from "./session.ts";
import type { ScriptAnalysis } from "../../domain/engine/dialect.ts";
import { analysisOf } from "./sql/code.ts";
import { useFunctions } from "./sql-functions.ts";
import { takeBaseline, type Baseline } from "./step-baseline.ts";
import { knownState, withMarker, type KnownState } from "./step-state.ts";
import { claim } from "./step-claim.ts";
import { StepFault, failOnErrors } from "../step/step-fault.ts";
import { stepFailure } from "./step-fault.ts";
import { done, failed } from "./step-result.ts";
import { factsOf } from "./step-facts.ts";
import { applyOutside } from "./step-ntx.ts";
import { settle } from "./step-proof.ts";
import { engineError } from "./sqlite-error.ts";
import { backUpTables } from "./table-backup.ts";
import { deadlineIn } from "./waiting.ts";

/** `brief`: the steps that were sent together are made durable together. */
type Durability = "managed" | "brief";

/** Checks after statements that took no longer than this are over before anybody could read of them. */
const UNNOTICED_MS = 20;

/** One step's way through the protocol: what is known at the moment it fails. */
interface Progress {
  readonly started: number;
  readonly durability: Durability;
  lockedAt: number;
  /** The fence before this step raised it; undefined until the lock is held. */
  fenceBefore: number | undefined;
  connection: StepConnection | undefined;
  tableBackup: TableBackupResult | undefined;
  /** Complete before COMMIT, so that nothing has to be read once the outcome is decided. */
  facts: StepFacts | undefined;
}

/**
 * The step protocol, for several steps. Rejects only when it cannot be said that what was committed is
 * durable. See `DatabaseEngine.applySteps`.
 */
export async function applySteps(
  session: Session,
  steps: readonly StepRequest[],
): Promise<readonly StepResult[]> {
  const together = steps.length > 1;
  const results: StepResult[] = [];
  for (const step of steps)
    results.push(await applyStep(session, step, together ? "brief" : "managed"));
  // Nobody hears of a commit before this.
  if (together) harden(session);
  return results;
}

function harden({ connections }: Session): void {
  try {
    connections.harden();
  } catch (error) {
    throw engineError(error);
  }
}

async function applyStep(
  session: Session,
  asked: StepRequest,
  durability: Durability,
): Promise<StepResult> {
  let script: ScriptAnalysis;
  let step = asked;
  try {
    step = { ...asked, ...session.succession.begin(asked) };
    script = analysisOf(step);
    failOnErrors(script.findings);
  } catch (error) {
    return failed(error, "unchanged", undefined);
  }
  return step.transaction === "none"
    ? applyOutside(session, step, script)
    : applyInside(session, step, script, durability);
}

async function applyInside(
  session: Session,
  step: StepRequest,
  script: ScriptAnalysis,
  durability: Durability,
): Promise<StepResult> {
  const progress: Progress = {
    started: performance.now(),
    durability,
    lockedAt: 0,
    fenceBefore: undefined,
    connection: undefined,
    tableBackup: undefined,
    facts: undefined,
  };
  try {
    await run(session, step, script, progress);
    return done(progress.facts!, progress.tableBackup);
  } catch (error) {
    return conclude(session, step, progress, error);
  }
}

async function run(
  session: Session,
  step: StepRequest,
  script: ScriptAnalysis,
  progress: Progress,
): Promise<void> {
  const { faults, connections } = session;
  const connection = await connections.step();
  progress.connection = connection;
  const { db } = connection;
  await useFunctions(db, step.functions);
  await faults("before-begin");
  await beginImmediate(db, deadlineIn(step.lockTimeoutMs), progress.durability);
  progress.lockedAt = performance.now();
  await faults("after-begin");
  const state = knownState(db, connection.known);
  progress.fenceBefore = state.meta.fence;
  claim(db, session.target, step, step.expectedBefore, state);
  connection.known = undefined;
  const before = takeBaseline(db, state, script);
  await saveTables(session, step, connection, state, progress);
  const outcome = await runScript(session, step, script, connection, before);
  await faults("after-statements");
  await seal(session, step, connection, { before, outcome }, progress);
}

async function saveTables(
  session: Session,
  step: StepRequest,
  { db }: StepConnection,
  state: KnownState,
  progress: Progress,
): Promise<void> {
  if (step.tableBackup === null) return;
  const saved = await backUpTables(session, db, state, step.tableBackup);
  await session.host.onTablesSaved(saved).catch((error: unknown) => {
    throw new Unavailable("table-backup-failed", "The copied tables could not be recorded", {
      hint: stepFailure(error).message,
    });
  });
  progress.tableBackup = saved;
}

function runScript(
  session: Session,
  step: StepRequest,
  script: ScriptAnalysis,
  connection: StepConnection,
  before: Baseline,
): Promise<GuardedOutcome> {
  const { version, expectedAfter } = step;
  const started = performance.now();
  const statements = script.statements.length;
  return runGuarded(
    {
      db: connection.db,
      step,
      script,
      before,
      expectedAfter,
      onStatement: ({ number, sql }) => {
        const progress = { phase: "step", version, statement: number, statements } as const;
        session.statements.begins({ sql, rows: before.state.rows }, progress);
        return session.faults(`statement:${number}`);
      },
      onStatementsDone: () => {
        if (performance.now() - started > UNNOTICED_MS)
          session.host.onProgress({ phase: "checks", version });
      },
    },
    connection,
  );
}

/** The marker and the commit: from here the step is applied, whoever dies. */
async function seal(
  session: Session,
  step: StepRequest,
  connection: StepConnection,
  work: { before: Baseline; outcome: GuardedOutcome },
  progress: Progress,
): Promise<void> {
  const { db } = connection;
  const { after } = work.outcome;
  // Last of all, so that no commit that a script smuggles in can carry the marker with it.
  writeMarker(db, step, step.direction === "up" ? "done" : "reverted", after.fingerprint);
  await session.faults("after-marker");
  const now = performance.now();
  progress.facts = factsOf(
    { ...work, script: work.outcome.script },
    { started: progress.started, lockedAt: progress.lockedAt, now },
  );
  session.connections.requireSameFile();
  await commit(db, deadlineIn(step.lockTimeoutMs));
  await session.faults("after-commit");
  session.connections.requireSameFile();
  connection.known = withMarker(after, step);
  session.succession.applied(step.attempt, connection.known);
  for (const table of work.outcome.touched) session.touched.add(table);
}

async function conclude(
  session: Session,
  step: StepRequest,
  progress: Progress,
  error: unknown,
): Promise<StepResult> {
  const { connection, fenceBefore, facts, tableBackup } = progress;
  const begun = progress.lockedAt > 0;
  if (error instanceof StepFault && error.escaped) {
    session.connections.discard();
    return failed(error, "unknown", tableBackup);
  }
  const state = await settle(session, step, { begun, fenceBefore, db: connection?.db });
  if (state === "applied" && facts !== undefined) return done(facts, tableBackup);
  return failed(error, state === "unchanged" ? "unchanged" : "unknown", tableBackup);
}
