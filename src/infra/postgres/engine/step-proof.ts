import { setTimeout as pause } from "node:timers/promises";
import type { StepRequest } from "../../../domain/engine/database-engine.ts";
import type { Client } from "../connection/open-client.ts";
import { markerOf } from "./markers.ts";
import { requireMeta } from "./meta.ts";
import { endOrphans } from "./orphans.ts";
import { isLost, sqlState } from "./postgres-error.ts";
import type { Session } from "./session.ts";
import { deadlineIn, SERVER_START, takeLock, waitBefore, type Transaction } from "./transaction.ts";

/** What a step's transaction came to. */
export type Settled = "unchanged" | "applied" | "unknown";

/** A transaction that began. */
export interface Begun extends Transaction {
  readonly pid: number;
}

/** How long a server that restarts, or a backend that is still at work, is waited for. */
const PATIENCE_MS = 15_000;

/**
 * Finds out on a new connection, under the database's lock, what became of a transaction that did not
 * end well: neither an error nor its absence says whether a commit happened, only the marker does.
 * The transaction, if it had begun: its number and that of its backend.
 */
export async function settle(
  session: Session,
  step: StepRequest,
  begun: Begun | undefined,
): Promise<Settled> {
  session.connections.discard();
  if (begun === undefined) return "unchanged";
  const deadline = deadlineIn(PATIENCE_MS);
  for (;;)
    try {
      return await session.connections.using((client) => judge(session, client, step, begun));
    } catch (error) {
      // A server that restarts refuses for a while; of everything else recovery finds out later.
      if (!isLost(error) || !(await waitBefore(deadline))) return "unknown";
      await pause(100);
    }
}

async function judge(
  session: Session,
  client: Client,
  step: StepRequest,
  begun: Begun,
): Promise<Settled> {
  const { own, target } = session;
  const deadline = deadlineIn(PATIENCE_MS);
  // While its backend lives, it may still commit.
  while (!(await takeLock(client, target.databaseId, "session"))) {
    await endOrphans(client, session, begun.pid);
    if (!(await waitBefore(deadline))) return "unknown";
  }
  await requireMeta(client, own);
  const marker = await markerOf(client, own, step.attempt);
  if (marker?.phase === "done" || marker?.phase === "reverted") return "applied";
  if (marker !== undefined) return "unknown";
  const fate = await fateOf(client, begun);
  return fate === "aborted" || fate === null ? "unchanged" : "unknown";
}

/**
 * Null: it cannot be known, and need not be. What a server that was started again has not in its log did
 * not happen, and it may have given the number to somebody else: then the marker alone counts. A number
 * that a server which ran through never gave out means another cluster.
 */
async function fateOf(client: Client, { xid, serverStart }: Begun): Promise<string | null> {
  const { rows: now } = await client.query<{ readonly start: string }>(
    `SELECT ${SERVER_START} AS start`,
  );
  if (now[0]!.start !== serverStart) return null;
  try {
    const { rows } = await client.query<{ readonly fate: string | null }>(
      "SELECT pg_xact_status($1::xid8) AS fate",
      [xid],
    );
    return rows[0]!.fate;
  } catch (error) {
    if (sqlState(error) !== "22023") throw error;
    return "another cluster";
  }
}
