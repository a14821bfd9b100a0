import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreAccess, StoredContent } from "../../src/domain/backup/backup-store.ts";
import { NO_KEYS, type DataKeyTexts } from "../../src/infra/page-store/data-keys.ts";
import { DirectoryPlace, type BackupPlace } from "../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../src/infra/page-store/page-backup-store.ts";
import { fetchContent, storeFiles } from "../../src/infra/page-store/store-access.ts";
import { manifestOf } from "./backups.ts";
import type { Files, StoreUnderTest } from "../integration/contracts/backup-store.contract.ts";

/** A page store in a directory of its own, and what an engine's process does with it. */
export class TemporaryStore implements StoreUnderTest {
  readonly directory: string;
  readonly root: string;
  keys: DataKeyTexts;
  /** In place of the directory `root`. */
  readonly #place: BackupPlace | undefined;

  private constructor(directory: string, keys: DataKeyTexts, place?: BackupPlace) {
    this.directory = directory;
    this.root = join(directory, "data", "backups");
    this.keys = keys;
    this.#place = place;
  }

  static async create(keys: DataKeyTexts = NO_KEYS, place?: BackupPlace): Promise<TemporaryStore> {
    return new TemporaryStore(await mkdtemp(join(tmpdir(), "schemaledger-store-")), keys, place);
  }

  open(): Promise<PageBackupStore> {
    return Promise.resolve(
      new PageBackupStore(this.#place ?? new DirectoryPlace(this.root), this.keys),
    );
  }

  async restart(): Promise<PageBackupStore> {
    const store = await this.open();
    await store.clean();
    return store;
  }

  async write(access: StoreAccess, files: Files): Promise<StoredContent> {
    const from = await mkdtemp(join(this.directory, "write-"));
    const sources = await Promise.all(
      Object.entries(files).map(async ([name, content]) => {
        const path = join(from, name);
        await writeFile(path, content);
        return { name, path, bytes: content.length, withoutWal: false };
      }),
    );
    return storeFiles(access, sources, () => {});
  }

  async read(access: StoreAccess): Promise<Files> {
    const to = await mkdtemp(join(this.directory, "read-"));
    const names = await fetchContent(access, to);
    const entries = names.map(async (name) => [name, await readFile(join(to, name))] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Takes a whole backup. */
  async backUp(backupId: string, files: Files, parent: string | null = null): Promise<void> {
    const store = await this.open();
    const content = await this.write(await store.begin(backupId, parent), files);
    await store.publish(backupId, manifestOf(backupId, content));
  }

  async restore(backupId: string): Promise<Files> {
    return this.read(await (await this.open()).access(backupId));
  }

  dispose(): Promise<void> {
    return rm(this.directory, { recursive: true });
  }
}
