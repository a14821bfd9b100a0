import { randomBytes } from "node:crypto";
import type { StepScript } from "../../../domain/engine/database-engine.ts";
import type { Finding, RowChange } from "../../../domain/migration/events.ts";
import { failOnErrors, StepFault } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import type { PreparedScript, ScriptStatement } from "../sql/script.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { isLost, sqlState } from "./postgres-error.ts";
import { readWork, workSince } from "./rows.ts";
import type { OwnTables } from "./session.ts";
import { checkStep } from "./step-checks.ts";
import { statementFault } from "./step-fault.ts";
import { ownObjects, type Baseline } from "./step-state.ts";
import { usePlainPath } from "./transaction.ts";
import { runVerifyScript } from "./verify-script.ts";

/** Called when a statement begins. */
export type OnStatement = (statement: ScriptStatement) => void | Promise<void>;

export interface GuardedRun {
  readonly client: Client;
  readonly own: OwnTables;
  readonly step: StepScript;
  readonly script: PreparedScript;
  readonly before: Baseline;
  /** Number of the transaction that the step runs in. */
  readonly xid: string;
  readonly expectedAfter: string | null;
  readonly onStatement: OnStatement;
  /** After the last statement, before the checks. */
  readonly onStatementsDone: () => void | Promise<void>;
}

export interface GuardedOutcome {
  readonly after: Catalog;
  readonly findings: readonly Finding[];
  readonly rows: readonly RowChange[];
}

/**
 * Runs a script inside the open transaction, behind a savepoint whose name it cannot know, with every
 * check. Throws a `StepFault` (or the cause that ended the connection); the caller rolls back. The
 * search path is `pg_catalog` afterwards.
 */
export async function runGuarded(run: GuardedRun): Promise<GuardedOutcome> {
  const { client, own, step, script, before } = run;
  const guard = `schemaledger_guard_${randomBytes(12).toString("hex")}`;
  await client.query(`SAVEPOINT ${guard}`);
  for (const part of script.parts) {
    await run.onStatement(part);
    await execute(client, part);
  }
  await release(client, guard, run.xid);
  await run.onStatementsDone();
  await holdConstraints(client);
  await regain(client);
  if (step.verify !== undefined && step.direction === "up")
    await runVerifyScript(client, step.verify);
  await usePlainPath(client);
  const after = await readCatalog(client, own.schema);
  const { allow, direction } = step;
  const checked = await checkStep(client, {
    before,
    after,
    ownObjects: await ownObjects(client, own),
    work: workSince(before.work, await readWork(client)),
    ownOids: oidsOf(before.state.ownObjects),
    allow,
    direction,
    expectedAfter: run.expectedAfter,
  });
  const findings = [...script.findings, ...checked.findings];
  failOnErrors(findings);
  return { after, findings, rows: checked.rows };
}

const oidsOf = (objects: string): ReadonlySet<number> =>
  new Set(
    (objects === "" ? [] : (JSON.parse(objects) as [string | number][])).map(([oid]) =>
      Number(oid),
    ),
  );

/** Runs one statement alone. */
export async function execute(client: Client, { sql, number }: ScriptStatement): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    throw statementFault(error, number);
  }
}

/** The transaction must be the one that was opened: by its savepoint and by its number. */
async function release(client: Client, guard: string, xid: string): Promise<void> {
  try {
    await client.query(`RELEASE SAVEPOINT ${guard}`);
  } catch (error) {
    if (isLost(error)) throw error;
    throw escaped();
  }
  const { rows } = await client.query<{ readonly xid: string }>(
    "SELECT pg_current_xact_id()::text AS xid",
  );
  if (rows[0]!.xid !== xid) throw escaped();
}

/** What a step deferred is looked at now: at COMMIT nobody could say any more what was wrong. */
async function holdConstraints(client: Client): Promise<void> {
  try {
    await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  } catch (error) {
    if (!sqlState(error).startsWith("23")) throw error;
    throw statementFault(error, 0);
  }
}

/** What a script may have set must not change what the checks see or how the commit is made. */
const regain = (client: Client): Promise<unknown> =>
  client.query(
    "SET LOCAL ROLE NONE; SET LOCAL synchronous_commit = on; SET LOCAL row_security = off; SET LOCAL standard_conforming_strings = on",
  );

const escaped = (): StepFault =>
  new StepFault(
    {
      code: "escaped-transaction",
      message: "The step left its transaction: part of it may have been committed",
      hint: "Take COMMIT, ROLLBACK and the like out of the script; look at the database before anything else",
    },
    { escaped: true },
  );
