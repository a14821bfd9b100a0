import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoreAccess, StoredContent } from "../../../domain/backup/backup-store.ts";
import type { Snapshot } from "../../../domain/engine/database-engine.ts";
import { storeFiles, withWorkspace, type FileToStore } from "../../page-store/store-access.ts";
import { requireSpace } from "../../sqlite/files.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog } from "./catalog.ts";
import { readContent, rowsOf, type Content } from "./content-digest.ts";
import { appliedVersions } from "./markers.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { engineError } from "./postgres-error.ts";
import { filesOf, programsFor, reaching, run } from "./programs.ts";
import type { Session } from "./session.ts";
import { readSnapshot } from "./transaction.ts";

/** Beside the files of pg_dump: what a restored copy is compared with. */
export const CONTENT_FILE = "schemaledger-content.json";

/**
 * Stores one moment of the database as pg_dump's files (directory format) with counts and digests of the
 * same moment. See `DatabaseEngine.snapshot`.
 */
export async function takeSnapshot(session: Session, access: StoreAccess): Promise<Snapshot> {
  try {
    return await session.connections.using((client) =>
      readSnapshot(client, () => dumpMoment(session, client, access)),
    );
  } catch (error) {
    throw engineError(error);
  }
}

interface Moment {
  readonly snapshot: string;
  readonly version: number;
  readonly bytes: string;
}

const MOMENT = `SELECT pg_export_snapshot() AS snapshot, current_setting('server_version_num')::int AS version,
  pg_database_size(current_database()) AS bytes`;

async function dumpMoment(
  session: Session,
  client: Client,
  access: StoreAccess,
): Promise<Snapshot> {
  const { own, target } = session;
  const meta = await requireMeta(client, own);
  requireIdentity(meta, target);
  const moment = (await client.query<Moment>(MOMENT)).rows[0]!;
  const { dump } = await programsFor(moment.version);
  const catalog = await readCatalog(client, own.schema);
  const applied = await appliedVersions(client, own);
  return withWorkspace(access, async (workspace) => {
    const directory = join(workspace, "dump");
    await requireSpace(directory, Number(moment.bytes));
    const dumping = dumpTo(session, dump, directory, ["--snapshot", moment.snapshot]);
    // Its end is awaited below; whatever fails first says more.
    dumping.ended.catch(() => undefined);
    let content: Content;
    try {
      content = await readContent(client, catalog.tables.values(), (number) =>
        session.host.onProgress({
          phase: "backup",
          fraction: (0.6 * number) / catalog.tables.size,
        }),
      );
      await dumping.ended;
    } finally {
      dumping.kill();
    }
    await session.faults("snapshot-dumped");
    const stored = await store(session, access, directory, content);
    const { fingerprint } = catalog;
    const { incarnation } = meta;
    return {
      content: stored,
      fingerprint,
      rows: rowsOf(content),
      applied,
      incarnation,
      method: "copied",
    };
  });
}

/** Runs pg_dump into a directory that it makes. */
export function dumpTo(
  { address, connections }: Session,
  program: string,
  directory: string,
  options: readonly string[],
): ReturnType<typeof run> {
  const { args, env } = reaching(address, address.database, connections.password);
  // The store compresses, and finds what it has already only in what is not compressed.
  const form = ["-Fd", "-j", "2", "-Z", "0", "-f", directory];
  return run(program, [...form, ...options, ...args], env);
}

/** Stores a dump's files with what is known of its rows. */
export async function store(
  session: Session,
  access: StoreAccess,
  directory: string,
  content: Content,
): Promise<StoredContent> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, CONTENT_FILE), JSON.stringify(content), { mode: 0o600 });
  const files: FileToStore[] = [];
  for (const name of filesOf(directory)) {
    const path = join(directory, name);
    files.push({ name, path, bytes: (await stat(path)).size, withoutWal: false });
  }
  return storeFiles(access, files, (fraction) =>
    session.host.onProgress({ phase: "backup", fraction: 0.6 + 0.4 * fraction }),
  );
}
