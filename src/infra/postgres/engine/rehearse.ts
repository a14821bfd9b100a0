import type {
  RehearsalRequest,
  RehearsalResult,
  StepResult,
  StepScript,
} from "../../../domain/engine/database-engine.ts";
import type { Finding } from "../../../domain/migration/events.ts";
import { failOnErrors } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import { prepareScript, type PreparedScript } from "../sql/script.ts";
import { batch } from "./batch.ts";
import { readCatalog } from "./catalog.ts";
import { RESET } from "./connections.ts";
import { otherTables, readContent, type Content } from "./content-digest.ts";
import { runGuarded, type OnStatement } from "./guarded-script.ts";
import { engineError } from "./postgres-error.ts";
import { probesOf } from "./probe.ts";
import type { Session } from "./session.ts";
import { factsOf } from "./step-facts.ts";
import { runOutside } from "./step-ntx.ts";
import { failed } from "./step-result.ts";
import { readState, takeBaseline } from "./step-state.ts";
import { begin, commit, readSnapshot, rollback } from "./transaction.ts";

/** Runs steps on the restored copy with every check. See `DatabaseEngine.rehearse`. */
export async function rehearse(
  session: Session,
  request: RehearsalRequest,
): Promise<RehearsalResult> {
  try {
    const name = await session.scratch.of(request.scratchPath);
    return await session.connections.using((client) => runAll(session, client, request), name);
  } catch (error) {
    throw engineError(error);
  }
}

async function runAll(
  session: Session,
  client: Client,
  { steps, expectedAfter, again }: RehearsalRequest,
): Promise<RehearsalResult> {
  const start = again === undefined ? undefined : await momentOf(session, client);
  const results = await runSteps(session, client, steps, expectedAfter);
  if (start === undefined || results.at(-1)?.status === "failed")
    return { steps: results, findings: [] };
  const back = await runSteps(session, client, again ?? [], []);
  const findings = await differences(session, client, start, back.at(-1));
  return { steps: results, lossless: findings.length === 0, findings };
}

async function runSteps(
  session: Session,
  client: Client,
  steps: readonly StepScript[],
  expectedAfter: readonly (string | null)[],
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [at, step] of steps.entries()) {
    const result = await rehearseStep(session, client, step, expectedAfter[at] ?? null);
    results.push(result);
    if (result.status === "failed") break;
    await batch(client, RESET);
  }
  return results;
}

/** One step with every check. Never rejects for the step's own faults. */
async function rehearseStep(
  session: Session,
  client: Client,
  step: StepScript,
  expectedAfter: string | null,
): Promise<StepResult> {
  const { version } = step;
  const script = prepareScript(step.sql, step.transaction);
  const statements = script.statements.length;
  const onStatement: OnStatement = ({ number }) =>
    session.host.onProgress({ phase: "rehearse", version, statement: number, statements });
  try {
    failOnErrors(script.findings);
    const run = step.transaction === "none" ? outside : inside;
    return await run(session, client, { ...step, expectedAfter }, script, onStatement);
  } catch (error) {
    await rollback(client);
    return failed(error, "unchanged");
  }
}

type Rehearsed = StepScript & { readonly expectedAfter: string | null };

async function inside(
  { own }: Session,
  client: Client,
  step: Rehearsed,
  script: PreparedScript,
  onStatement: OnStatement,
): Promise<StepResult> {
  const started = performance.now();
  const { xid } = await begin(client);
  const lockedAt = performance.now();
  const state = await readState(client, own, null);
  const before = await takeBaseline(client, state, script.parts);
  const { expectedAfter } = step;
  const onStatementsDone = (): void => {};
  const run = { client, own, step, script, before, xid, expectedAfter, onStatement };
  const outcome = await runGuarded({ ...run, onStatementsDone });
  await commit(client);
  const times = { started, lockedAt, now: performance.now() };
  return { status: "done", ...factsOf({ script, before: state.catalog, outcome }, times) };
}

async function outside(
  { own }: Session,
  client: Client,
  step: Rehearsed,
  script: PreparedScript,
  onStatement: OnStatement,
): Promise<StepResult> {
  const started = performance.now();
  await begin(client);
  const state = await readState(client, own, null);
  const before = await takeBaseline(client, state, []);
  const probes = await probesOf(client, script.parts);
  await commit(client);
  const run = { before, probes, onStatement, onDone: () => {} };
  const outcome = await runOutside(client, own, step, script, run);
  const times = { started, lockedAt: started, now: performance.now() };
  return { status: "done", ...factsOf({ script, before: state.catalog, outcome }, times) };
}

interface Moment {
  readonly fingerprint: string;
  readonly content: Content;
}

const momentOf = ({ own }: Session, client: Client): Promise<Moment> =>
  readSnapshot(client, async () => {
    const { fingerprint, tables } = await readCatalog(client, own.schema);
    return { fingerprint, content: await readContent(client, tables.values()) };
  });

/** What did not come back by going down and up again. */
async function differences(
  session: Session,
  client: Client,
  start: Moment,
  last: StepResult | undefined,
): Promise<Finding[]> {
  if (last?.status === "failed") return [lossy(`going up again fails: ${last.error.message}`)];
  const end = await momentOf(session, client);
  if (start.fingerprint !== end.fingerprint) return [lossy("the schema is another one afterwards")];
  return otherTables(start.content, end.content).map((table) =>
    lossy(`the rows of ${table} are others afterwards`, table),
  );
}

const lossy = (what: string, table?: string): Finding => ({
  severity: "warning",
  code: "not-lossless",
  message: `Rolling back by the down scripts loses something: ${what}`,
  hint: "Roll back by restoring a backup",
  ...(table === undefined ? {} : { table }),
});
