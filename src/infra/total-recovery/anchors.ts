import Database from "better-sqlite3";
import { readFile } from "node:fs/promises";
import type { BackupManifest } from "../../domain/backup/backup-store.ts";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { DomainError, InvalidInput } from "../../domain/shared/errors.ts";
import { exists } from "../files/exists.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";

/** Something outside the ledger that says how far it had come. */
export interface Anchor {
  /** Where it was found, for people. */
  readonly source: string;
  /** At least so many events there were. */
  readonly size: number;
  /** The root at that size; absent where only a number is known. */
  readonly root?: Hash;
}

/** What checkpoints are checked with. */
export interface NoteCheck {
  readonly digest: Digest;
  readonly keys: readonly VerifierKey[];
}

/** The newest of each backup's manifest, of the ledger of this origin. */
export function anchorsOfManifests(
  manifests: readonly BackupManifest[],
  origin: string,
  check: NoteCheck,
): Anchor[] {
  return manifests.flatMap(({ backupId, checkpoint, origin: of }) =>
    checkpoint === null || of !== origin
      ? []
      : anchorOfNote(`the manifest of backup ${backupId}`, checkpoint, check),
  );
}

/** Error: InvalidInput checkpoint-invalid when the file holds no checkpoint of this ledger. */
export async function anchorOfFile(file: string, check: NoteCheck): Promise<Anchor> {
  const [anchor] = anchorOfNote(file, await readFile(file, "utf8"), check);
  if (anchor !== undefined) return anchor;
  throw new InvalidInput("checkpoint-invalid", `${file} holds no checkpoint of this ledger`, {
    hint: "Name a file that GET /v1/ledger/checkpoint, or the data directory's file checkpoint, gave",
  });
}

/** A note that nobody of this ledger signed says nothing about it. */
function anchorOfNote(source: string, note: string, { digest, keys }: NoteCheck): Anchor[] {
  try {
    const { size, root } = openCheckpoint(digest, note, keys, checkEd25519);
    return [{ source, size, root }];
  } catch (error) {
    if (error instanceof DomainError) return [];
    throw error;
  }
}

interface Marker {
  readonly checkpoint: string | null;
  readonly intent: number;
}

/** What databases that are still there have seen of the ledger. */
export async function anchorsOfDatabases(
  manifests: readonly BackupManifest[],
  origin: string,
  check: NoteCheck,
): Promise<Anchor[]> {
  const urls = new Set(
    manifests.flatMap(({ url, origin: of }) => (url === null || of !== origin ? [] : [url])),
  );
  const anchors: Anchor[] = [];
  for (const url of urls)
    if (await exists(url)) anchors.push(...anchorsOfDatabase(url, origin, check));
  return anchors;
}

/** A file that cannot be read, or is of another ledger, is no witness. */
function anchorsOfDatabase(url: string, origin: string, check: NoteCheck): Anchor[] {
  let db: Database.Database | undefined;
  try {
    db = new Database(url, { readonly: true, fileMustExist: true });
    const fence = db
      .prepare<[string], number>("SELECT fence FROM schemaledger_meta WHERE ledger_origin = ?")
      .pluck()
      .get(origin);
    if (fence === undefined) return [];
    const marker = db
      .prepare<[], Marker>(
        `SELECT checkpoint, intent_idx AS intent FROM schemaledger_marker
         ORDER BY intent_idx DESC LIMIT 1`,
      )
      .get();
    // The index of an event that the database has seen: there were more events than that.
    const seen = Math.max(fence, marker?.intent ?? 0) + 1;
    const note = marker?.checkpoint ?? null;
    const signed = note === null ? [] : anchorOfNote(`the markers of ${url}`, note, check);
    return [{ source: `the fence of ${url}`, size: seen }, ...signed];
  } catch (error) {
    if (error instanceof Database.SqliteError) return [];
    throw error;
  } finally {
    db?.close();
  }
}
