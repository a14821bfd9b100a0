import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type {
  BackupManifest,
  StoreAccess,
  StoredContent,
} from "../../src/domain/backup/backup-store.ts";
import type {
  DatabaseEngine,
  Snapshot,
  StoredCopy,
} from "../../src/domain/engine/database-engine.ts";
import type { DataKeyTexts } from "../../src/infra/page-store/data-keys.ts";
import { DirectoryPlace } from "../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../src/infra/page-store/page-backup-store.ts";

export function manifestOf(
  backupId: string,
  content: StoredContent,
  more: Partial<BackupManifest> = {},
): BackupManifest {
  return {
    format: 1,
    backupId,
    databaseId: "d",
    database: "shop",
    engine: "sqlite",
    url: "/srv/shop.db",
    origin: "ledger.example/test",
    kind: "full",
    fingerprint: "f",
    rows: { orders: 3 },
    applied: ["1"],
    incarnation: "i",
    createdAt: "2025-01-01T00:00:00.000Z",
    toolVersion: "0.0.0",
    checkpoint: null,
    content,
    ...more,
  };
}

/** A published backup of a database, as an engine is told to verify it. */
export interface TakenBackup extends StoredCopy {
  readonly snapshot: Snapshot;
}

/** A backup store of one test, and what a service does with it. */
export class TestBackups {
  readonly root: string;
  readonly store: PageBackupStore;

  constructor(directory: string, keys?: DataKeyTexts) {
    this.root = join(directory, "backups");
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
    this.store = new PageBackupStore(new DirectoryPlace(this.root), keys);
  }

  begin(parent: string | null = null): Promise<StoreAccess> {
    return this.store.begin(randomUUID(), parent);
  }

  async take(engine: DatabaseEngine, parent: string | null = null): Promise<TakenBackup> {
    const access = await this.begin(parent);
    const snapshot = await engine.snapshot(access);
    return { ...(await this.publish(access, snapshot)), snapshot };
  }

  async publish(
    { backupId }: StoreAccess,
    { content, fingerprint, rows, applied, incarnation }: Snapshot,
  ): Promise<StoredCopy> {
    const facts = { fingerprint, rows, applied, incarnation };
    await this.store.publish(backupId, manifestOf(backupId, content, facts));
    const { sha256, bytes } = content;
    return { access: await this.store.access(backupId), sha256, bytes, fingerprint, rows };
  }
}
