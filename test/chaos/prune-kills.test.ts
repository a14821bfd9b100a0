import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EventType } from "../../src/domain/events.ts";
import { DirectoryPlace } from "../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../src/infra/page-store/page-backup-store.ts";
import type { Api, AuditEvent } from "../support/chaos/api.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { extent } from "../support/chaos/extent.ts";
import { isGone } from "../support/chaos/stories.ts";
import { World } from "../support/chaos/world.ts";

/** Backups taken on request, besides those of the two runs. */
const BACKUPS = extent(3, 8);
const KEPT = 2;

/** Events before and after whose append the service dies. */
const EVENTS: readonly (readonly [type: EventType, nth: number])[] = [
  ["PruneRequested", 1],
  ["PruneStarted", 1],
  ...Array.from({ length: BACKUPS + 2 - KEPT }, (_, n) => ["BackupPruned", n + 1] as const),
  ["PruneCompleted", 1],
];

interface Backup {
  readonly id: string;
  readonly status: string;
}

const isEnd = ({ type }: AuditEvent): boolean =>
  type === "PruneCompleted" || type === "PruneFailed";

describe("Kills during a prune", function () {
  this.timeout(120_000);
  let world: World;
  let saved: string;

  before(async () => {
    world = await World.create("wal");
    const { api, close } = await world.serve();
    for (let n = 0; n < BACKUPS; n++) {
      world.foreign((db) => db.exec(`UPDATE item SET label = label || 'x' WHERE id % 50 = ${n}`));
      const { id } = await api.need(api.post<Backup>("/v1/databases/app/backups"));
      await api.until((all) =>
        all.some(({ type, data }) => type === "BackupVerified" && data["backupId"] === id),
      );
    }
    await api.need(api.patch("/v1/databases/app/policy", { retention: { keepLast: KEPT } }));
    await close();
    saved = join(world.root, "..", "with-backups");
    cpSync(world.root, saved, { recursive: true });
  });
  after(() => world.remove());

  beforeEach(async () => {
    await world.reset();
    rmSync(world.root, { recursive: true });
    cpSync(saved, world.root, { recursive: true });
  });

  async function prune(api: Api): Promise<void> {
    try {
      await api.need(api.post("/v1/databases/app/prunes", { reason: "test" }));
      await api.until((all) => all.some(isEnd));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** Each backup is there and whole, or gone and said to be; then the rest can be pruned. */
  async function assertAllOrNothingOfEach(): Promise<void> {
    const { api, close } = await world.serve();
    const events = await api.until(
      (all) =>
        all.filter(({ type }) => type === "PruneRequested").length === all.filter(isEnd).length,
    );
    const store = new PageBackupStore(new DirectoryPlace(join(world.data, "backups")));
    const there = new Set(await store.list());
    const { items } = await api.need(
      api.get<{ items: Backup[] }>("/v1/databases/app/backups?limit=1000"),
    );
    for (const { id, status } of items) assert.equal(there.has(id), status !== "pruned", id);
    const pruned = events.filter(({ type }) => type === "BackupPruned");
    assert.equal(new Set(pruned.map(({ data }) => data["backupId"])).size, pruned.length);
    for (const { id, status } of items) {
      if (status === "pruned") continue;
      await api.need(api.post(`/v1/backups/${id}/verifications`));
      await api.until((all) =>
        all
          .slice(events.length)
          .some(({ type, data }) => type === "BackupVerified" && data["backupId"] === id),
      );
    }
    await api.need(api.post("/v1/databases/app/prunes", { reason: "again" }));
    await api.until((all) =>
      all.slice(events.length).some(({ type }) => type === "PruneCompleted"),
    );
    const left = await api.need(
      api.get<{ items: Backup[] }>("/v1/databases/app/backups?limit=1000"),
    );
    assert.equal(left.items.filter(({ status }) => status === "verified").length, KEPT);
    assert.equal((await store.survey()).unneeded.objects, 0);
    assert.equal((await api.need(api.post("/v1/ledger/rebuild")))["identical"], true);
    await close();
  }

  async function dies(crash: CrashPoint): Promise<void> {
    const service = await world.spawn({ crash });
    await prune(service.api);
    const { signal } = await service.ended;
    assert.equal(signal, "SIGKILL", `it did not pass ${crash.type}: ${service.stderr}`);
    await assertAllOrNothingOfEach();
  }

  const short = new Set(["after PruneStarted 1", "before BackupPruned 2"]);
  for (const [type, nth] of EVENTS)
    for (const when of ["before", "after"] as const)
      if (extent(short.has(`${when} ${type} ${nth}`), true))
        it(`service dies ${when} ${type} ${nth}`, () => dies({ when, type, nth }));

  for (const ms of extent(
    [],
    Array.from({ length: 12 }, (_, n) => 5 + n * 9),
  ))
    it(`service dies ${ms} ms after the request`, async () => {
      const service = await world.spawn();
      await service.api.need(service.api.post("/v1/databases/app/prunes", { reason: "test" }));
      await delay(ms);
      await service.kill();
      await assertAllOrNothingOfEach();
    });
});
