import type {
  StepRequest,
  StepResult,
  TableBackupResult,
} from "../../../domain/engine/database-engine.ts";
import type { StepFacts } from "../../../domain/migration/events.ts";
import { Unavailable } from "../../../domain/shared/errors.ts";
import { failOnErrors, StepFault } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import { prepareScript, type PreparedScript } from "../sql/script.ts";
import { processOf } from "./connections.ts";
import { runGuarded, type GuardedOutcome } from "./guarded-script.ts";
import { writeMarker } from "./markers.ts";
import { isRetryable } from "./postgres-error.ts";
import type { Session } from "./session.ts";
import { claim } from "./step-claim.ts";
import { factsOf } from "./step-facts.ts";
import { applyOutside } from "./step-ntx.ts";
import { settle, type Begun } from "./step-proof.ts";
import { stepFailure } from "./step-fault.ts";
import { done, failed } from "./step-result.ts";
import { readState, takeBaseline, type Baseline } from "./step-state.ts";
import { saveTables } from "./table-backup.ts";
import {
  beginLocked,
  commit,
  deadlineIn,
  lockedByOther,
  rollback,
  waitBefore,
  type Transaction,
} from "./transaction.ts";

/** Checks after statements that took no longer than this are over before anybody could read of them. */
const UNNOTICED_MS = 20;

/** One try of a step: what is known at the moment it fails. */
interface Try {
  begun: Begun | undefined;
  lockedAt: number;
  /** From here on only the marker says whether the step was applied. */
  committing: boolean;
  readonly tableBackup: TableBackupResult | undefined;
  facts: StepFacts | undefined;
}

/** The step protocol, for several steps. See `DatabaseEngine.applySteps`. */
export async function applySteps(
  session: Session,
  steps: readonly StepRequest[],
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) results.push(await applyStep(session, step));
  return results;
}

async function applyStep(session: Session, asked: StepRequest): Promise<StepResult> {
  let script: PreparedScript;
  let step = asked;
  try {
    step = { ...asked, ...session.succession.begin(asked) };
    script = prepareScript(step.sql, step.transaction);
    failOnErrors(script.findings);
  } catch (error) {
    return failed(error, "unchanged");
  }
  if (step.transaction === "none") return applyOutside(session, step, script);
  return applyInside(session, step, script);
}

/**
 * Short waits for locks and many tries: whoever waits long for a lock makes everybody wait who comes
 * after. Each try is the whole step anew.
 */
async function applyInside(
  session: Session,
  step: StepRequest,
  script: PreparedScript,
): Promise<StepResult> {
  const started = performance.now();
  let tableBackup: TableBackupResult | undefined;
  try {
    tableBackup = await saveFirst(session, step);
  } catch (error) {
    return failed(error, "unchanged");
  }
  const deadline = deadlineIn(step.lockTimeoutMs);
  for (let tries = 1; ; tries += 1) {
    const attempt: Try = {
      begun: undefined,
      lockedAt: 0,
      committing: false,
      tableBackup,
      facts: undefined,
    };
    try {
      await run(session, step, script, { attempt, started, deadline, tries });
      return done(attempt.facts!, attempt.tableBackup);
    } catch (error) {
      const again = !attempt.committing && canRetry(error);
      if (!again || !(await tryAgain(session, step, deadline, tries)))
        return conclude(session, step, attempt, error);
    }
  }
}

/**
 * Tables that the step takes rows or columns from are copied before it begins: once, whatever the number of
 * tries, and without keeping anybody waiting.
 */
async function saveFirst(
  session: Session,
  { tableBackup }: StepRequest,
): Promise<TableBackupResult | undefined> {
  if (tableBackup === null) return undefined;
  const saved = await saveTables(session, tableBackup);
  await session.host.onTablesSaved(saved).catch((error: unknown) => {
    throw new Unavailable("table-backup-failed", "The copied tables could not be recorded", {
      hint: stepFailure(error).message,
    });
  });
  return saved;
}

const canRetry = (error: unknown): boolean =>
  isRetryable(error) || (error instanceof StepFault && isRetryable(error.cause));

async function tryAgain(
  session: Session,
  { version }: StepRequest,
  deadline: number,
  tries: number,
): Promise<boolean> {
  const client = await session.connections.step();
  await rollback(client);
  const detail = `Others hold a lock that the step needs: tried ${tries} ${tries === 1 ? "time" : "times"}`;
  session.host.onProgress({ phase: "step", version, detail });
  return waitBefore(deadline);
}

interface Run {
  readonly attempt: Try;
  readonly started: number;
  readonly deadline: number;
  readonly tries: number;
}

async function run(
  session: Session,
  step: StepRequest,
  script: PreparedScript,
  { attempt, started, deadline, tries }: Run,
): Promise<void> {
  const { faults, connections, own, target } = session;
  const client = await connections.step();
  await faults("before-begin");
  const transaction = await beginOrWait(session, client, step, deadline);
  attempt.begun = { ...transaction, pid: processOf(client) };
  attempt.lockedAt = performance.now();
  await faults("after-begin");
  const known = session.carried.after(transaction, client);
  const state = await readState(client, own, step.token, known);
  claim(target, step, state);
  const before = await takeBaseline(client, state, script.parts);
  const outcome = await runScript(session, step, script, { client, before, xid: transaction.xid });
  await faults("after-statements");
  const marked = { ...outcome, findings: [...outcome.findings, ...retried(tries)] };
  // Last of all, so that no commit that a script smuggles in can carry the marker with it.
  const phase = step.direction === "up" ? "done" : "reverted";
  await writeMarker(client, own, step, phase, outcome.after.fingerprint);
  await faults("after-marker");
  attempt.facts = factsOf(
    { script, before: state.catalog, outcome: marked },
    { started, lockedAt: attempt.lockedAt, now: performance.now() },
  );
  attempt.committing = true;
  await commit(client, connections.reset(client));
  await faults("after-commit");
  const applied = state.applied.filter((version) => version !== step.version);
  session.succession.applied(step.attempt, {
    fingerprint: outcome.after.fingerprint,
    applied: step.direction === "up" ? [...applied, step.version] : applied,
  });
  session.carried.keep(transaction, client, outcome);
  connections.discardMistrusted();
}

/** Begins the step's transaction with the database's lock. */
async function beginOrWait(
  session: Session,
  client: Client,
  { lockWaitMs }: StepRequest,
  deadline: number,
): Promise<Transaction> {
  for (;;) {
    const transaction = await beginLocked(client, session.target.databaseId, lockWaitMs);
    if (transaction !== undefined) return transaction;
    if (!(await waitBefore(deadline))) throw lockedByOther();
  }
}

const retried = (tries: number): StepResultFindings =>
  tries === 1
    ? []
    : [
        {
          severity: "info",
          code: "lock-retried",
          message: `Others held a lock that the step needed: it was tried ${tries} times`,
        },
      ];
type StepResultFindings = GuardedOutcome["findings"];

function runScript(
  session: Session,
  step: StepRequest,
  script: PreparedScript,
  { client, before, xid }: { client: Client; before: Baseline; xid: string },
): Promise<GuardedOutcome> {
  const { version, expectedAfter } = step;
  const started = performance.now();
  const statements = script.statements.length;
  return runGuarded({
    client,
    own: session.own,
    step,
    script,
    before,
    xid,
    expectedAfter,
    onStatement: ({ number }) => {
      // Of a brief step with one statement, its `StepStarted` says as much.
      if (step.follows === null || statements > 1)
        session.host.onProgress({ phase: "step", version, statement: number, statements });
      return session.faults(`statement:${number}`);
    },
    onStatementsDone: () => {
      if (performance.now() - started > UNNOTICED_MS)
        session.host.onProgress({ phase: "checks", version });
    },
  });
}

async function conclude(
  session: Session,
  step: StepRequest,
  { begun, facts, tableBackup }: Try,
  error: unknown,
): Promise<StepResult> {
  if (error instanceof StepFault && error.escaped) {
    session.connections.discard();
    return failed(error, "unknown", tableBackup);
  }
  const state = await settle(session, step, begun);
  if (state === "applied" && facts !== undefined) return done(facts, tableBackup);
  return failed(error, state === "unchanged" ? "unchanged" : "unknown", tableBackup);
}
