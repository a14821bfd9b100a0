import { join } from "node:path";
import type {
  TableBackupRequest,
  TableBackupResult,
} from "../../../domain/engine/database-engine.ts";
import { NotFound } from "../../../domain/shared/errors.ts";
import { withWorkspace } from "../../page-store/store-access.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog, type CatalogTable } from "./catalog.ts";
import { readContent, rowsOf } from "./content-digest.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { engineError } from "./postgres-error.ts";
import { programsFor } from "./programs.ts";
import type { Session } from "./session.ts";
import { dumpTo, store } from "./snapshot.ts";
import { readSnapshot } from "./transaction.ts";

/**
 * Stores single tables as of one moment, rows and definitions, as pg_dump writes them. Nobody waits for it:
 * others go on writing. See `DatabaseEngine.saveTables`.
 */
export async function saveTables(
  session: Session,
  request: TableBackupRequest,
): Promise<TableBackupResult> {
  try {
    return await session.connections.using((client) =>
      readSnapshot(client, () => dumpTables(session, client, request)),
    );
  } catch (error) {
    throw engineError(error);
  }
}

interface Moment {
  readonly snapshot: string;
  readonly version: number;
}

const MOMENT =
  "SELECT pg_export_snapshot() AS snapshot, current_setting('server_version_num')::int AS version";

async function dumpTables(
  session: Session,
  client: Client,
  { backupId, tables: names, access }: TableBackupRequest,
): Promise<TableBackupResult> {
  const { own, target, host } = session;
  requireIdentity(await requireMeta(client, own), target);
  const { snapshot, version } = (await client.query<Moment>(MOMENT)).rows[0]!;
  const { dump } = await programsFor(version);
  const catalog = await readCatalog(client, own.schema);
  const tables = names.map((name) => named([...catalog.tables.values()], name));
  return withWorkspace(access, async (workspace) => {
    host.onProgress({ phase: "table-backup", fraction: 0 });
    const directory = join(workspace, "dump");
    const chosen = tables.flatMap(({ name }) => ["-t", name]);
    await dumpTo(session, dump, directory, ["--snapshot", snapshot, ...chosen]).ended;
    const content = await readContent(client, tables);
    const stored = await store(session, access, directory, content);
    return { backupId, tables: rowsOf(content), method: "copied", content: stored };
  });
}

/** Without a schema, the one table of that name. */
function named(tables: readonly CatalogTable[], text: string): CatalogTable {
  const [found, other] = tables.filter(
    ({ name, plain }) =>
      text === name || text === plain.name || text === `${plain.schema}.${plain.name}`,
  );
  if (found !== undefined && other === undefined) return found;
  throw new NotFound(
    "table-not-found",
    `There is ${other === undefined ? "no" : "more than one"} table ${text}`,
    {
      hint: "Name it with its schema: public.users",
    },
  );
}
