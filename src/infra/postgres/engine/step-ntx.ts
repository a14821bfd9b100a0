import type {
  StepRequest,
  StepResult,
  StepScript,
} from "../../../domain/engine/database-engine.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import { failOnErrors, StepFault } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import type { PreparedScript } from "../sql/script.ts";
import { batch, type Rows } from "./batch.ts";
import { readCatalog } from "./catalog.ts";
import { execute, type GuardedOutcome, type OnStatement } from "./guarded-script.ts";
import { noteProgress, writeMarker } from "./markers.ts";
import { fenced, raiseFence } from "./meta.ts";
import { isLost } from "./postgres-error.ts";
import { ask, clearInvalid, dropTwins, noteText, probesOf, takeBack, type Probe } from "./probe.ts";
import type { OwnTables, Session } from "./session.ts";
import { checkStep } from "./step-checks.ts";
import { claim } from "./step-claim.ts";
import { factsOf } from "./step-facts.ts";
import { done, failed } from "./step-result.ts";
import { ownIn, ownQuery, readState, takeBaseline, type Baseline } from "./step-state.ts";
import {
  begin,
  commit,
  deadlineIn,
  lockedByOther,
  rollback,
  takeLock,
  usePlainPath,
  waitBefore,
} from "./transaction.ts";

/**
 * A step that PostgreSQL refuses in a transaction: marker `started`, the statements one by one, each
 * noted when it has ended, marker `done`. Under the lock of the connection: that of a transaction would
 * end with it.
 */
export async function applyOutside(
  session: Session,
  step: StepRequest,
  script: PreparedScript,
): Promise<StepResult> {
  const started = performance.now();
  let client: Client;
  let before: Baseline;
  let probes: readonly Probe[];
  try {
    client = await session.connections.step();
    await session.faults("before-begin");
    await lock(session, client, deadlineIn(step.lockTimeoutMs));
    await session.faults("after-begin");
    ({ before, probes } = await start(session, client, step, script));
  } catch (error) {
    session.connections.discard();
    // Nothing but the marker was written, and whether it was is for recovery to say.
    return failed(error, isLost(error) ? "unknown" : "unchanged");
  }
  const lockedAt = performance.now();
  const progress = { done: 0 };
  try {
    const outcome = await runOutside(client, session.own, step, script, {
      before,
      probes,
      onStatement: (part) => report(session, step, script, part.number),
      onDone: (count) => {
        progress.done = count;
        const note = noteText({ direction: step.direction, probes, done: count });
        return noteProgress(client, session.own, step.attempt, note);
      },
    });
    await session.faults("after-statements");
    await finish(session, client, step, outcome);
    const times = { started, lockedAt, now: performance.now() };
    return done(factsOf({ script, before: before.state.catalog, outcome }, times));
  } catch (error) {
    const state = await undo(client, probes, progress.done, error);
    session.connections.discard();
    return failed(error, state);
  }
}

async function lock(session: Session, client: Client, deadline: number): Promise<void> {
  while (!(await takeLock(client, session.target.databaseId, "session")))
    if (!(await waitBefore(deadline))) throw lockedByOther();
}

/** Claims the database and writes the marker that says what was begun. */
async function start(
  session: Session,
  client: Client,
  step: StepRequest,
  script: PreparedScript,
): Promise<{ readonly before: Baseline; readonly probes: readonly Probe[] }> {
  const { own, target } = session;
  await begin(client);
  const state = await readState(client, own, step.token);
  claim(target, step, state);
  const before = await takeBaseline(client, state, []);
  const probes = await probesOf(client, script.parts);
  const note = noteText({ direction: step.direction, probes, done: 0 });
  await writeMarker(client, own, step, "started", note);
  await commit(client);
  return { before, probes };
}

function report(
  session: Session,
  { version }: StepRequest,
  { statements }: PreparedScript,
  number: number,
): void | Promise<void> {
  const position = { statement: number, statements: statements.length };
  session.host.onProgress({ phase: "step", version, ...position });
  return session.faults(`statement:${number}`);
}

/** The marker that says that it is done. */
async function finish(
  session: Session,
  client: Client,
  step: StepRequest,
  outcome: GuardedOutcome,
): Promise<void> {
  const { own } = session;
  await begin(client);
  const [found] = await batch(client, raiseFence(own, step.token));
  fenced(found!, step.token);
  const phase = step.direction === "up" ? "done" : "reverted";
  await writeMarker(client, own, step, phase, outcome.after.fingerprint);
  await session.faults("after-marker");
  await commit(client);
  await session.faults("after-commit");
  // Its lock ends with it, and so do the settings.
  session.connections.discard();
}

interface OutsideRun {
  readonly before: Baseline;
  readonly probes: readonly Probe[];
  readonly onStatement: OnStatement;
  readonly onDone: (count: number) => Promise<void> | void;
}

/** Runs the statements one by one, each with its probe, and looks at what they led to. */
export async function runOutside(
  client: Client,
  own: OwnTables,
  step: StepScript & { readonly expectedAfter?: string | null },
  script: PreparedScript,
  run: OutsideRun,
): Promise<GuardedOutcome> {
  const cleared: Finding[] = [];
  // An index build waits for old transactions, however long they last.
  await client.query("SET lock_timeout = 0; SET statement_timeout = 0");
  for (const [at, part] of script.parts.entries()) {
    const probe = run.probes[at]!;
    // IF NOT EXISTS would take an index that enforces nothing for the one that is wanted.
    if (probe.kind === "index" && (await clearInvalid(client, probe.index)))
      cleared.push(clearedFinding(probe.index, part.number));
    await run.onStatement(part);
    await execute(client, part);
    if (isProbed(probe) && (await ask(client, probe)) !== "applied") throw notApplied(part.number);
    await run.onDone(at + 1);
  }
  const checked = await look(client, own, step, run.before);
  failOnErrors(checked.findings);
  return { ...checked, findings: [...script.findings, ...cleared, ...checked.findings] };
}

const isProbed = ({ kind }: Probe): boolean => kind !== "repeatable" && kind !== "none";

const clearedFinding = (index: string, statement: number): Finding => ({
  severity: "info",
  code: "invalid-index-dropped",
  message: `The invalid index ${index}, left by an earlier build, was dropped`,
  statement,
});

const notApplied = (statement: number): StepFault =>
  new StepFault({
    code: "not-applied",
    message: "The statement reported success, but what it was to make is not there, or not valid",
    hint: "Look for an object of the same name in another schema of the search path",
    statement,
  });

async function look(
  client: Client,
  own: OwnTables,
  step: StepScript & { readonly expectedAfter?: string | null },
  before: Baseline,
): Promise<GuardedOutcome> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    await usePlainPath(client);
    const after = await readCatalog(client, own.schema);
    const { allow, direction, expectedAfter = null } = step;
    const checked = await checkStep(client, {
      before,
      after,
      ownObjects: ownIn(await rowsOf(client, ownQuery(own))),
      work: new Map(),
      ownOids: new Set(),
      allow,
      direction,
      expectedAfter,
    });
    return { after, ...checked };
  } finally {
    await rollback(client);
  }
}

const rowsOf = async (client: Client, text: string): Promise<Rows> =>
  (await batch(client, [text]))[0]!;

/**
 * After a failure, on a connection that lives: what the failed statement left is taken away, and what
 * those before it made, as far as it can be. `unchanged` only if nothing is left.
 */
async function undo(
  client: Client,
  probes: readonly Probe[],
  count: number,
  cause: unknown,
): Promise<"unchanged" | "unknown"> {
  if (isLost(cause instanceof StepFault ? cause.cause : cause)) return "unknown";
  try {
    await client.query("ROLLBACK");
    return (await takeBackAll(client, probes, count)) ? "unchanged" : "unknown";
  } catch {
    // The marker says `started`: recovery looks again.
    return "unknown";
  }
}

/** False: something of it stays. `count`: how many statements had ended. */
export async function takeBackAll(
  client: Client,
  probes: readonly Probe[],
  count: number,
): Promise<boolean> {
  const interrupted = probes[count];
  if (interrupted?.kind === "index") await clearInvalid(client, interrupted.index);
  if (interrupted?.kind === "repeatable") await dropTwins(client);
  for (const probe of probes.slice(0, count).toReversed())
    if (!(await takeBack(client, probe))) return false;
  return true;
}
