import { randomBytes } from "node:crypto";
import type { StepScript } from "../../../domain/engine/database-engine.ts";
import type { Finding, RowChange } from "../../../domain/migration/events.ts";
import { failOnErrors, StepFault } from "../../step/step-fault.ts";
import type { Client } from "../connection/open-client.ts";
import type { PreparedScript, ScriptStatement } from "../sql/script.ts";
import { batch, type Rows } from "./batch.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { sqlState } from "./postgres-error.ts";
import { mistrust } from "./prepared.ts";
import { isSchemaUntouched, WORK, workIn, workSince, type WorkOfTables } from "./rows.ts";
import type { OwnTables } from "./session.ts";
import { checkStep } from "./step-checks.ts";
import { statementFault } from "./step-fault.ts";
import { ownIn, ownQuery, type Baseline } from "./step-state.ts";
import { OWN_PATH, PLAIN_PATH } from "./transaction.ts";
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
  /** Absent outside a transaction. */
  readonly seen?: Seen;
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
  await run.onStatementsDone();
  if (step.verify !== undefined && step.direction === "up") {
    await ask(client, [...REGAIN, OWN_PATH]);
    await runVerifyScript(client, step.verify);
  }
  const end = await endOf(run, guard);
  const work = workSince(before.work, end.work);
  const after = isSchemaUntouched(work)
    ? before.state.catalog
    : await readCatalog(client, own.schema);
  const { allow, direction } = step;
  const checked = await checkStep(client, {
    before,
    after,
    ownObjects: end.ownObjects,
    work,
    ownOids: oidsOf(before.state.ownObjects),
    allow,
    direction,
    expectedAfter: run.expectedAfter,
  });
  const findings = [...script.findings, ...checked.findings];
  failOnErrors(findings);
  return { after, findings, rows: checked.rows, seen: end.seen };
}

/** They remove prepared statements, or may not be what they look like. */
const UNPREPARES: ReadonlySet<string> = new Set(["DeallocateStmt", "DiscardStmt", "PrepareStmt"]);

/** What was seen of other transactions in the one that just ended its statements. */
export interface Seen {
  /** Numbers that the transaction has, those of its savepoints included. */
  readonly numbers: number;
  /** Everything that began before it had ended. */
  readonly alone: boolean;
}

const oidsOf = (objects: string): ReadonlySet<number> =>
  new Set(
    (objects === "" ? [] : (JSON.parse(objects) as [string | number][])).map(([oid]) =>
      Number(oid),
    ),
  );

/** Runs one statement alone. */
export async function execute(client: Client, part: ScriptStatement): Promise<void> {
  const { sql, number } = part;
  if (part.about.opaque || UNPREPARES.has(part.kind)) mistrust(client);
  try {
    await client.query(sql);
  } catch (error) {
    throw statementFault(error, number);
  }
}

/** A savepoint that wrote has a number of its own, and a lock on it until it is released. */
const LOOK = `SELECT pg_current_xact_id()::text AS xid, pg_snapshot_xmin(pg_current_snapshot())::text AS oldest,
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'transactionid') AS numbers`;

/**
 * What a step deferred is looked at now: at COMMIT nobody could say any more what was wrong. And what a script
 * may have set must not change what the checks see or how the commit is made.
 */
const REGAIN = [
  "SET CONSTRAINTS ALL IMMEDIATE",
  "SET LOCAL ROLE NONE",
  "SET LOCAL synchronous_commit = on",
  "SET LOCAL row_security = off",
  "SET LOCAL standard_conforming_strings = on",
];

interface End {
  readonly seen: Seen;
  readonly ownObjects: string;
  readonly work: WorkOfTables;
}

/** The transaction must be the one that was opened: by its savepoint and by its number. */
async function endOf({ client, own, xid }: GuardedRun, guard: string): Promise<End> {
  const statements = [`RELEASE SAVEPOINT ${guard}`, ...REGAIN, PLAIN_PATH, ownQuery(own), WORK];
  const results = await ask(client, [LOOK, ...statements]);
  const look = results[0]![0]!;
  if (look["xid"] !== xid) throw escaped();
  return {
    seen: { numbers: Number(look["numbers"]), alone: look["oldest"] === xid },
    ownObjects: ownIn(results.at(-2)!),
    work: workIn(results.at(-1)!),
  };
}

/** Tells a savepoint that is not there any more from a constraint that does not hold. */
async function ask(client: Client, statements: readonly string[]): Promise<readonly Rows[]> {
  try {
    return await batch(client, statements);
  } catch (error) {
    const state = sqlState(error);
    if (state.startsWith("23")) throw statementFault(error, 0);
    // No such savepoint, or no transaction at all.
    if (state === "3B001" || state === "25P01") throw escaped();
    throw error;
  }
}

const escaped = (): StepFault =>
  new StepFault(
    {
      code: "escaped-transaction",
      message: "The step left its transaction: part of it may have been committed",
      hint: "Take COMMIT, ROLLBACK and the like out of the script; look at the database before anything else",
    },
    { escaped: true },
  );
