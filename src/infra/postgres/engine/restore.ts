import type { Restored, RestoreRequest } from "../../../domain/engine/database-engine.ts";
import type { Finding, TableRows } from "../../../domain/migration/events.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog } from "./catalog.ts";
import { liveSchema } from "./live-schema.ts";
import { appliedVersions } from "./markers.ts";
import { readMeta, requireSameDatabase } from "./meta.ts";
import { engineError, sqlState } from "./postgres-error.ts";
import { quoteName } from "./quote.ts";
import { countRows } from "./rows.ts";
import { besideIt } from "./scratch.ts";
import type { Session } from "./session.ts";
import {
  begin,
  commit,
  deadlineIn,
  lockedByOther,
  readSnapshot,
  rollback,
  takeLock,
  waitBefore,
} from "./transaction.ts";

/**
 * Puts the restored copy in the database's place: both are renamed in one transaction. What was there stays
 * on the server under another name until somebody drops it. See `DatabaseEngine.restore`.
 */
export async function restore(session: Session, request: RestoreRequest): Promise<Restored> {
  const { connections, faults, host } = session;
  try {
    host.onProgress({ phase: "restore", fraction: 0 });
    const copy = await session.scratch.of(request.scratchPath, () =>
      host.onProgress({ phase: "restore", fraction: 0.7 }),
    );
    await connections.using((client) => prepare(session, client, request), copy);
    await faults("restore-before-copy");
    const rowsBefore = await claimLive(session, request);
    connections.discard();
    const kept = `${session.address.database.slice(0, 40)}_before_${request.incarnation.slice(-8)}`;
    await besideIt(session, (client) => swap(session, client, { copy, kept, request }));
    session.scratch.forget(request.scratchPath);
    await faults("restore-after-copy");
    const restored = await connections.using((client) =>
      readSnapshot(client, () => describe(session, client)),
    );
    return { ...restored, rowsBefore, findings: [keptFinding(kept)] };
  } catch (error) {
    throw engineError(error);
  }
}

/** The copy is another incarnation, written before it arrives. */
async function prepare(
  { own, address }: Session,
  client: Client,
  { incarnation, token }: RestoreRequest,
): Promise<void> {
  await begin(client);
  await client.query(`UPDATE ${own.meta} SET incarnation = $1, fence = greatest(fence, $2)`, [
    incarnation,
    token,
  ]);
  await commit(client);
  await takeSettings(client, address.database);
}

interface Setting {
  readonly role: string | null;
  readonly name: string;
  readonly value: string;
}

/** Settings and owner are the database's and in no dump. */
async function takeSettings(client: Client, live: string): Promise<void> {
  const { rows } = await client.query<Setting>(
    `SELECT nullif(s.setrole, 0)::regrole::text AS role, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
     FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c WHERE d.datname = $1`,
    [live],
  );
  const copy = quoteName(
    (await client.query<{ readonly name: string }>("SELECT current_database() AS name")).rows[0]!
      .name,
  );
  for (const { role, name, value } of rows) {
    const whose = role === null ? `DATABASE ${copy}` : `ROLE ${role} IN DATABASE ${copy}`;
    const { rows: text } = await client.query<{ readonly text: string }>(
      "SELECT format('SET %I = %L', $1::text, $2::text) AS text",
      [name, value],
    );
    await client.query(`ALTER ${whose} ${text[0]!.text}`);
  }
  const owner = await client.query<{ readonly owner: string }>(
    "SELECT datdba::regrole::text AS owner FROM pg_database WHERE datname = $1 AND pg_get_userbyid(datdba) <> current_user",
    [live],
  );
  if (owner.rows[0] !== undefined)
    await client.query(`ALTER DATABASE ${copy} OWNER TO ${owner.rows[0].owner}`);
}

/** Fences off whoever else would write, and counts what is about to be replaced. */
async function claimLive(
  session: Session,
  { token, lockTimeoutMs }: RestoreRequest,
): Promise<TableRows> {
  const { connections, own, target } = session;
  const deadline = deadlineIn(lockTimeoutMs);
  return connections.using(async (client) => {
    while (!(await takeLock(client, target.databaseId, "session")))
      if (!(await waitBefore(deadline))) throw lockedByOther();
    const meta = await readMeta(client, own);
    if (meta === undefined) return {};
    requireSameDatabase(meta, target);
    await client.query(`UPDATE ${own.meta} SET fence = greatest(fence, $1)`, [token]);
    return readSnapshot(client, async () =>
      countRows(client, await readCatalog(client, own.schema)),
    );
  });
}

interface Swap {
  readonly copy: string;
  readonly kept: string;
  readonly request: RestoreRequest;
}

/**
 * Renames both, atomically. Once the first rename has the name's lock, nobody can connect any more; those who
 * are connected are disconnected.
 */
async function swap(
  { address }: Session,
  client: Client,
  { copy, kept, request }: Swap,
): Promise<void> {
  const deadline = deadlineIn(Math.max(request.lockTimeoutMs, 10_000));
  const live = quoteName(address.database);
  for (;;)
    try {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1) AND pid <> pg_backend_pid()",
        [[address.database, copy]],
      );
      await begin(client);
      await client.query("SET LOCAL lock_timeout = 0");
      await client.query(`ALTER DATABASE ${live} RENAME TO ${quoteName(kept)}`);
      await client.query(`ALTER DATABASE ${quoteName(copy)} RENAME TO ${live}`);
      await client.query(`ALTER DATABASE ${quoteName(kept)} ALLOW_CONNECTIONS false`);
      await commit(client);
      return;
    } catch (error) {
      await rollback(client);
      // Somebody was quicker to connect again.
      if (sqlState(error) !== "55006" || !(await waitBefore(deadline))) throw error;
    }
}

async function describe(
  { own }: Session,
  client: Client,
): Promise<Pick<Restored, "live" | "applied" | "rowsAfter">> {
  const live = await liveSchema(client, own);
  const catalog = await readCatalog(client, own.schema);
  return {
    live,
    applied: await appliedVersions(client, own),
    rowsAfter: await countRows(client, catalog),
  };
}

const keptFinding = (kept: string): Finding => ({
  severity: "info",
  code: "previous-kept",
  message: `What was there before is on the server as the database ${kept}, closed to connections`,
  hint: `DROP DATABASE ${quoteName(kept)} once nobody needs it`,
});
