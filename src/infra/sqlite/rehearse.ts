import type {
  RehearsalRequest,
  RehearsalResult,
  StepResult,
  StepScript,
} from "../../domain/engine/database-engine.ts";
import type { Finding } from "../../domain/migration/events.ts";
import { beginImmediate, commit, openDatabase, rollback, type Connection } from "./connection.ts";
import { contentDigests } from "./content-digest.ts";
import { runGuarded, type OnStatement } from "./guarded-script.ts";
import type { Session } from "./session.ts";
import { analysisOf } from "./sql/code.ts";
import { useFunctions } from "./sql-functions.ts";
import { takeBaseline } from "./step-baseline.ts";
import { knownState, type KnownState } from "./step-state.ts";
import { failOnErrors } from "../step/step-fault.ts";
import { factsOf } from "./step-facts.ts";
import { runOutside } from "./step-ntx.ts";
import { failed } from "./step-result.ts";
import { deadlineIn } from "./waiting.ts";

/** Nobody else has the scratch copy. */
const SCRATCH_WAIT_MS = 1_000;

/** A copy that nobody else has. */
export interface Scratch {
  readonly path: string;
  db: Connection;
  known: KnownState | undefined;
  tainted: boolean;
}

/** Runs steps on the scratch copy with every check. See `DatabaseEngine.rehearse`. */
export async function rehearse(
  session: Session,
  request: RehearsalRequest,
): Promise<RehearsalResult> {
  const scratch = await openScratch(request.scratchPath);
  try {
    const start = request.again === undefined ? undefined : contentOf(scratch);
    const steps = await runAll(session, scratch, request.steps, request.expectedAfter);
    if (start === undefined || steps.at(-1)?.status === "failed") return { steps, findings: [] };
    const again = await runAll(session, scratch, request.again ?? [], []);
    const findings = differences(start, again, scratch);
    return { steps, lossless: findings.length === 0, findings };
  } finally {
    scratch.db.close();
  }
}

export async function openScratch(path: string): Promise<Scratch> {
  const db = await openDatabase(path, "scratch");
  return { path, db, known: undefined, tainted: false };
}

async function runAll(
  session: Session,
  scratch: Scratch,
  steps: readonly StepScript[],
  expectedAfter: readonly (string | null)[],
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [at, step] of steps.entries()) {
    const result = await rehearseStep(session, scratch, step, expectedAfter[at] ?? null);
    results.push(result);
    if (result.status === "failed") break;
  }
  return results;
}

/** One step with every check. Never rejects for the step's own faults. */
export async function rehearseStep(
  session: Session,
  scratch: Scratch,
  step: StepScript,
  expectedAfter: string | null = null,
): Promise<StepResult> {
  if (scratch.tainted) await reopen(scratch);
  try {
    return await runStep(session, scratch, step, expectedAfter);
  } catch (error) {
    rollback(scratch.db);
    scratch.known = undefined;
    return failed(error, "unchanged", undefined);
  }
}

async function reopen(scratch: Scratch): Promise<void> {
  scratch.db.close();
  scratch.db = await openDatabase(scratch.path, "scratch");
  scratch.known = undefined;
  scratch.tainted = false;
}

async function runStep(
  session: Session,
  scratch: Scratch,
  step: StepScript,
  expectedAfter: string | null,
): Promise<StepResult> {
  const { db } = scratch;
  const started = performance.now();
  const script = analysisOf(step);
  failOnErrors(script.findings);
  const statements = script.statements.length;
  const { version } = step;
  const onStatement =
    ({ rows }: KnownState): OnStatement =>
    ({ number, sql }) => {
      const progress = { phase: "rehearse", version, statement: number, statements } as const;
      session.statements.begins({ sql, rows }, progress);
    };
  const deadline = (): number => deadlineIn(SCRATCH_WAIT_MS);
  if (step.transaction === "none") {
    const state = knownState(db, scratch.known);
    const run = { before: state, deadline, onStatement: onStatement(state), onDone: () => {} };
    const outcome = await runOutside(db, step, script, run);
    scratch.known = undefined;
    const times = { started, lockedAt: started, now: performance.now() };
    return { status: "done", ...factsOf({ script, before: { state }, outcome }, times) };
  }
  await useFunctions(db, step.functions);
  await beginImmediate(db, deadline(), "scratch");
  const lockedAt = performance.now();
  const before = takeBaseline(db, knownState(db, scratch.known), script);
  scratch.known = undefined;
  const outcome = await runGuarded(
    {
      db,
      step,
      script,
      before,
      expectedAfter,
      onStatement: onStatement(before.state),
      onStatementsDone: () => {},
    },
    scratch,
  );
  await commit(db, deadline());
  scratch.known = outcome.after;
  const times = { started, lockedAt, now: performance.now() };
  return { status: "done", ...factsOf({ script: outcome.script, before, outcome }, times) };
}

interface Content {
  readonly fingerprint: string;
  readonly digests: ReadonlyMap<string, string>;
}

const contentOf = ({ db }: Scratch): Content => ({
  fingerprint: knownState(db, undefined).fingerprint,
  digests: contentDigests(db),
});

/** What did not come back by going down and up again. */
function differences(start: Content, again: readonly StepResult[], scratch: Scratch): Finding[] {
  const last = again.at(-1);
  if (last?.status === "failed") return [lossy(`going up again fails: ${last.error.message}`)];
  const end = contentOf(scratch);
  if (start.fingerprint !== end.fingerprint) return [lossy("the schema is another one afterwards")];
  return [...start.digests]
    .filter(([table, digest]) => end.digests.get(table) !== digest)
    .map(([table]) => lossy(`the rows of ${table} are others afterwards`, table));
}

const lossy = (what: string, table?: string): Finding => ({
  severity: "warning",
  code: "not-lossless",
  message: `Rolling back by the down scripts loses something: ${what}`,
  hint: "Roll back by restoring a backup",
  ...(table === undefined ? {} : { table }),
});
