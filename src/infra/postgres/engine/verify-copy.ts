import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CopyVerified, StoredCopy } from "../../../domain/engine/database-engine.ts";
import { Unavailable, type DomainError } from "../../../domain/shared/errors.ts";
import { requireManifest, requireRecorded, restoreFiles } from "../../page-store/store-access.ts";
import { requireAbsent, requireSpace } from "../../sqlite/files.ts";
import type { Client } from "../connection/open-client.ts";
import { readCatalog } from "./catalog.ts";
import { otherTables, readContent, rowsOf, type Content } from "./content-digest.ts";
import { appliedVersions } from "./markers.ts";
import { engineError } from "./postgres-error.ts";
import type { Session } from "./session.ts";
import { CONTENT_FILE } from "./snapshot.ts";
import { readSnapshot } from "./transaction.ts";

/**
 * Writes the stored dump to a directory, each page's digest compared, restores it into a database of its
 * own and compares schema, counts and digests of every table. See `DatabaseEngine.verify`.
 */
export async function verifyCopy(
  session: Session,
  stored: StoredCopy,
  scratchPath: string,
): Promise<CopyVerified> {
  await requireAbsent(scratchPath);
  const report = (fraction: number): void => session.host.onProgress({ phase: "verify", fraction });
  try {
    const manifest = await requireManifest(stored.access);
    requireRecorded(manifest, stored);
    await requireSpace(scratchPath, stored.bytes);
    await mkdir(scratchPath, { mode: 0o700 });
    const paths = manifest.content.files.map(({ name }) => join(scratchPath, name));
    await restoreFiles(stored.access, manifest, paths, {
      onProgress: (part) => report(part * 0.3),
    });
    const expected = JSON.parse(await readFile(join(scratchPath, CONTENT_FILE), "utf8")) as Content;
    const name = await session.scratch.of(scratchPath, () => report(0.7));
    const verified = await session.connections.using(
      (client) => readSnapshot(client, () => compare(session, client, stored, expected)),
      name,
    );
    report(1);
    return verified;
  } catch (error) {
    await rm(scratchPath, { recursive: true, force: true });
    throw asDamage(engineError(error));
  }
}

async function compare(
  { own }: Session,
  client: Client,
  stored: StoredCopy,
  expected: Content,
): Promise<CopyVerified> {
  const catalog = await readCatalog(client, own.schema);
  if (catalog.fingerprint !== stored.fingerprint)
    throw differs(`its schema is ${catalog.fingerprint} instead of ${stored.fingerprint}`);
  const content = await readContent(client, catalog.tables.values());
  const [other] = otherTables(expected, content);
  if (other !== undefined) throw differs(`the rows of ${other} are others`);
  const rows = rowsOf(content);
  const recorded = Object.keys(stored.rows).find((table) => stored.rows[table] !== rows[table]);
  if (recorded !== undefined) throw differs(`the rows of ${recorded} are others than recorded`);
  return { fingerprint: catalog.fingerprint, rows, applied: await appliedVersions(client, own) };
}

const differs = (why: string): Unavailable =>
  new Unavailable("backup-differs", `The restored copy is not what was backed up: ${why}`, {
    hint: "Make another backup; this one is not used any more",
  });

/** pg_restore stumbles over files that are whole and were never good. */
const asDamage = (error: DomainError): DomainError =>
  error.code === "backup-program-failed"
    ? new Unavailable("backup-not-restorable", error.message, {
        hint: "The user must be able to make everything that the dump has (extensions, roles); the server's log says more",
      })
    : error;
