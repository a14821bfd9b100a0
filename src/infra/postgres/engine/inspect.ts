import type {
  Inspection,
  LiveSchema,
  MarkedSchema,
} from "../../../domain/engine/database-engine.ts";
import { Unavailable, failureOf, type DomainError } from "../../../domain/shared/errors.ts";
import type { Client } from "../connection/open-client.ts";
import { requireDirect } from "./connections.ts";
import { liveSchema } from "./live-schema.ts";
import { appliedVersions } from "./markers.ts";
import { createOwnTables, readMeta, requireIdentity, requireMeta } from "./meta.ts";
import { engineError } from "./postgres-error.ts";
import type { Session } from "./session.ts";
import {
  begin,
  commit,
  deadlineIn,
  lockedByOther,
  readSnapshot,
  rollback,
  takeLock,
  usePlainPath,
  waitBefore,
} from "./transaction.ts";

/** How long others may keep a registration from getting the lock. */
const INSTALL_WAIT_MS = 10_000;

/** Looks without writing. See `DatabaseEngine.inspect`. */
export async function inspect(session: Session): Promise<Inspection> {
  try {
    return await session.connections.using(async (client) => {
      await requireDirect(client);
      return readSnapshot(client, () => look(session, client));
    });
  } catch (error) {
    const known = engineError(error);
    return { exists: known.code !== "database-missing", problem: failureOf(known) };
  }
}

async function look({ own }: Session, client: Client): Promise<Inspection> {
  const live = await liveSchema(client, own);
  const meta = await readMeta(client, own);
  const problem = meta === undefined ? await unusable(client, own.schema) : undefined;
  return {
    exists: true,
    live,
    ...(meta === undefined ? {} : { meta }),
    ...(problem === undefined ? {} : { problem: failureOf(problem) }),
  };
}

interface Rights {
  readonly readOnly: boolean;
  readonly create: boolean;
  readonly there: boolean;
}

const RIGHTS = `SELECT current_setting('default_transaction_read_only') = 'on' AS "readOnly",
  has_database_privilege(current_database(), 'CREATE') AS create,
  coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), false) AS there`;

/** What keeps the own tables from being made. */
async function unusable(client: Client, schema: string): Promise<DomainError | undefined> {
  const { create, there } = (await client.query<Rights>(RIGHTS, [schema])).rows[0]!;
  if (create || there) return undefined;
  return new Unavailable("privilege-missing", `The user may not create the schema ${schema}`, {
    hint: `GRANT CREATE ON DATABASE … TO …, or create the schema for it, or name another one in the url: ?markers=public`,
  });
}

/** Creates the product's own tables. See `DatabaseEngine.install`. */
export async function install(session: Session, fence: number): Promise<LiveSchema> {
  const { own, target, connections } = session;
  const deadline = deadlineIn(INSTALL_WAIT_MS);
  try {
    const client = await connections.step();
    for (;;) {
      await begin(client);
      if (await takeLock(client, target.databaseId, "xact")) break;
      await rollback(client);
      if (!(await waitBefore(deadline))) throw lockedByOther();
    }
    const meta = await readMeta(client, own);
    if (meta === undefined) await createOwnTables(client, own, target, fence);
    else requireIdentity(meta, target);
    await usePlainPath(client);
    const live = await liveSchema(client, own);
    await commit(client);
    await session.faults("install-done");
    return live;
  } catch (error) {
    connections.discard();
    throw engineError(error);
  }
}

/** The live schema of the database that the ledger means. See `DatabaseEngine.schema`. */
export async function readSchema(session: Session): Promise<MarkedSchema> {
  const { own, target } = session;
  try {
    const client = await session.connections.step();
    return await readSnapshot(client, async () => {
      requireIdentity(await requireMeta(client, own), target);
      return { ...(await liveSchema(client, own)), applied: await appliedVersions(client, own) };
    });
  } catch (error) {
    session.connections.discard();
    throw engineError(error);
  }
}
