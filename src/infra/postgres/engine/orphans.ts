import type { Client } from "../connection/open-client.ts";
import { sqlState } from "./postgres-error.ts";
import type { Session } from "./session.ts";
import { lockKey } from "./transaction.ts";

/**
 * A backend that holds the database's lock although nothing of it was heard for this long has lost its
 * client, or its client has been given up by whoever asks.
 */
const GRACE = "2 seconds";

/**
 * Ends backends of ours that hold the database's lock and whose client has gone: an orphan may run on
 * and commit. One that was active a moment ago may end by itself, so it is left its time. `pid`: only
 * that one.
 */
export async function endOrphans(
  client: Client,
  session: Session,
  pid: number | null = null,
): Promise<void> {
  const key = lockKey(session.target.databaseId);
  try {
    await client.query(
      `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
       WHERE a.application_name = $1 AND a.pid <> pg_backend_pid() AND ($2::int IS NULL OR a.pid = $2) AND a.datname = current_database()
       AND a.state_change < clock_timestamp() - interval '${GRACE}'
       AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
         AND l.classid::int8 = (${key} >> 32) & 4294967295 AND l.objid::int8 = ${key} & 4294967295 AND l.objsubid = 1)`,
      [session.connections.applicationName, pid],
    );
  } catch (error) {
    // Without the right to end it, its end is waited for.
    if (sqlState(error) !== "42501") throw error;
  }
}
