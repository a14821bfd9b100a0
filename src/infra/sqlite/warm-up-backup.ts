import type { DatabaseTarget } from "../../domain/engine/database-engine.ts";
import { ContentWriter } from "../page-store/content-writer.ts";
import { DataKeys, NO_KEYS } from "../page-store/data-keys.ts";
import { InlineLane } from "../page-store/lane.ts";
import type { ObjectStore } from "../page-store/object-store.ts";
import { PackReader } from "../page-store/pack.ts";
import { packsOfList } from "../page-store/page-list.ts";
import { readCatalog } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { appliedVersions } from "./markers.ts";
import { requireIdentity, requireMeta } from "./meta.ts";
import { countRows } from "./rows.ts";

/** Takes a backup of a small database into memory, reads it back and checks the database. */
export async function warmUpBackup(db: Connection, target: DatabaseTarget): Promise<void> {
  const store = { objects: new ObjectsInMemory(), keys: new DataKeys(NO_KEYS) };
  const bytes = db.serialize();
  const file = { name: "warming", path: "", bytes: bytes.length, content: bytes, withoutWal: true };
  const { segments } = await new ContentWriter({
    store,
    files: [file],
    parent: undefined,
    condemned: new Set(),
    lanes: (onPlaced) => [new InlineLane(store.objects, undefined, [file], onPlaced)],
    onProgress: () => {},
  }).write();
  for (const list of segments.flat())
    for (const pack of await packsOfList(store, list)) {
      const reader = await PackReader.open(store, pack);
      for (const frame of reader.frames) await reader.pages(frame);
    }
  requireIdentity(requireMeta(db), target);
  db.pragma("quick_check(1)");
  const catalog = readCatalog(db);
  JSON.stringify([fingerprintOf(catalog), countRows(db, catalog), appliedVersions(db)]);
}

/** A store for nothing but the way to it. */
class ObjectsInMemory implements ObjectStore {
  readonly atOnce = 1;
  readonly #objects = new Map<string, Buffer>();

  async put(name: string, parts: readonly Uint8Array[]): Promise<boolean> {
    this.#objects.set(name, Buffer.concat(parts));
    return true;
  }

  async get(name: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    return this.#objects.get(name)?.subarray(offset, length && offset + length);
  }

  async size(name: string): Promise<number | undefined> {
    return this.#objects.get(name)?.length;
  }

  async list(): Promise<readonly string[]> {
    return [];
  }

  async sizes(): Promise<ReadonlyMap<string, number>> {
    return new Map();
  }

  async delete(): Promise<void> {}
}
