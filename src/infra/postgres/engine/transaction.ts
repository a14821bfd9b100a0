import { setTimeout as pause } from "node:timers/promises";
import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { batch } from "./batch.ts";
import { quoteText } from "./quote.ts";

/** How long one lock is waited for: behind a waiting ALTER every later reader of the table waits too. */
export const LOCK_WAIT_MS = 200;

/** An executor that was stopped in a step must not keep its locks for ever. */
const IDLE_MS = 60_000;

/** The lock of a managed database, whoever takes it. */
export const lockKey = (databaseId: string): string =>
  `hashtextextended(${quoteText(`schemaledger:${databaseId}`)}, 0)`;

/** Settings of one transaction that writes; those of user and database must not change what it means. */
const beginning = (lockWaitMs: number): readonly string[] => [
  "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
  `SET LOCAL lock_timeout = ${lockWaitMs}`,
  "SET LOCAL statement_timeout = 0",
  `SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}`,
  "SET LOCAL synchronous_commit = on",
];

/** By what a transaction is known, also when its connection is lost. */
export interface Transaction {
  /** The server's number of it. One that was not logged before a crash is given out again. */
  readonly xid: string;
  /** Since when the server runs: another time means that it was started again. */
  readonly serverStart: string;
}

/** Begins a transaction that can write. */
export async function begin(client: Client): Promise<Transaction> {
  const results = await batch(client, [...beginning(LOCK_WAIT_MS), TRANSACTION]);
  return results.at(-1)![0] as unknown as Transaction;
}

/** The same with the database's lock, which ends with it. Undefined: somebody else has it. */
export async function beginLocked(
  client: Client,
  databaseId: string,
  lockWaitMs: number = LOCK_WAIT_MS,
): Promise<Transaction | undefined> {
  const lock = `SELECT pg_try_advisory_xact_lock(${lockKey(databaseId)}) AS taken`;
  const results = await batch(client, [...beginning(lockWaitMs), TRANSACTION, lock]);
  if (results.at(-1)![0]!["taken"] !== true) {
    await rollback(client);
    return undefined;
  }
  return results.at(-2)![0] as unknown as Transaction;
}

/** Since when the server runs, whatever the settings of the session are. */
export const SERVER_START = "extract(epoch FROM pg_postmaster_start_time())::text";

const TRANSACTION = `SELECT pg_current_xact_id()::text AS xid, ${SERVER_START} AS "serverStart"`;

/** Ends a transaction without its effects; also one that the server, or a lost connection, has ended. */
export async function rollback(client: Client): Promise<void> {
  try {
    await client.query("ROLLBACK");
  } catch {
    // With the connection the transaction ends as well.
  }
}

/**
 * A poisoned transaction is rolled back by COMMIT without an error: its answer says so. `afterwards`: statements
 * to be sent with it.
 */
export async function commit(client: Client, afterwards: readonly string[] = []): Promise<void> {
  const answer = (await client.query(["COMMIT", ...afterwards].join("; "))) as unknown;
  const [{ command }] = (Array.isArray(answer) ? answer : [answer]) as [{ command: string }];
  if (command === "COMMIT") return;
  throw new Unavailable("engine-error", `COMMIT was answered by ${command}`, {
    hint: "The transaction was rolled back; run it again",
  });
}

/** Names in what the catalogue prints are relative to it. */
export const PLAIN_PATH = "SET LOCAL search_path = pg_catalog";

/** The path that the user or the database has. */
export const OWN_PATH = "SET LOCAL search_path = DEFAULT";

/** Inside a transaction. */
export const usePlainPath = (client: Client): Promise<unknown> => client.query(PLAIN_PATH);

/** Runs `read` on one moment of the database, without writing. */
export async function readSnapshot<T>(client: Client, read: () => Promise<T>): Promise<T> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    await usePlainPath(client);
    return await read();
  } finally {
    await rollback(client);
  }
}

/** The time of this process's own clock at which a wait of `ms` is over. */
export const deadlineIn = (ms: number): number => performance.now() + ms;

/** Waits a little, each time another while. False once the deadline is over. */
export async function waitBefore(deadline: number): Promise<boolean> {
  const left = deadline - performance.now();
  if (left <= 0) return false;
  await pause(Math.min(left, 20 + Math.random() * 60));
  return true;
}

/** Somebody else holds the database's lock. */
export const lockedByOther = (): Unavailable =>
  new Unavailable("database-locked", "Another instance works on the database", {
    hint: "Its connection is called schemaledger/… in pg_stat_activity",
  });

/**
 * Takes the database's lock: for the transaction (`xact`), or for as long as the connection lives. Polls:
 * whoever waits in the blocking form holds a snapshot that an index build waits for.
 */
export async function takeLock(
  client: Client,
  databaseId: string,
  kind: "xact" | "session",
): Promise<boolean> {
  const take = kind === "xact" ? "pg_try_advisory_xact_lock" : "pg_try_advisory_lock";
  const { rows } = await client.query<{ readonly taken: boolean }>(
    `SELECT ${take}(${lockKey(databaseId)}) AS taken`,
  );
  return rows[0]!.taken;
}
