import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoreAccess } from "../../../src/domain/backup/backup-store.ts";
import { storeFiles } from "../../../src/infra/page-store/store-access.ts";
import { TestBackups, manifestOf } from "../../support/backups.ts";
import { Workspace } from "../../support/managed-database.ts";
import { ROOT } from "../../support/repository.ts";

const SCRIPT = join(ROOT, "docs/examples/restore-backup.mjs");

describe("docs/examples/restore-backup.mjs", () => {
  let workspace: Workspace;
  let backups: TestBackups;

  beforeEach(() => {
    workspace = new Workspace();
    backups = new TestBackups(workspace.directory);
  });
  afterEach(() => workspace.remove());

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [SCRIPT, backups.root, ...args], { encoding: "utf8", env: {} });

  async function store(parent: string | null, files: { [name: string]: Buffer }) {
    const access: StoreAccess = await backups.begin(parent);
    const sources = Object.entries(files).map(([name, content], at) => {
      const path = workspace.path(`source-${at}`);
      writeFileSync(path, content);
      return { name, path, bytes: content.length, withoutWal: false };
    });
    const content = await storeFiles(access, sources, () => {});
    await backups.store.publish(access.backupId, manifestOf(access.backupId, content));
    return access.backupId;
  }

  it("uses nothing of ours and is short", () => {
    const text = readFileSync(SCRIPT, "utf8");
    const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, from]) => from);
    assert(imports.every((from) => from!.startsWith("node:")));
    assert(text.split("\n").length < 160);
  });

  it("restores what we stored, byte for byte, from a chain of changes", async () => {
    const first = randomBytes(2_500_001);
    const second = Buffer.concat([first.subarray(0, 1_200_000), randomBytes(9000)]);
    randomBytes(5000).copy(second, 300_000);
    const wal = randomBytes(70_000);
    const one = await store(null, { "snapshot.sqlite": first });
    const two = await store(one, { "snapshot.sqlite": second });
    const raw = await store(two, {
      "app.db": second,
      "app.db-wal": wal,
      "app.db-shm": Buffer.of(),
    });
    const expected: readonly (readonly [string, { [name: string]: Buffer }])[] = [
      [one, { "snapshot.sqlite": first }],
      [two, { "snapshot.sqlite": second }],
      [raw, { "app.db": second, "app.db-wal": wal, "app.db-shm": Buffer.of() }],
    ];
    for (const [id, files] of expected) {
      const to = workspace.path(id);
      const { status, stderr } = run(id, to);
      assert.equal(status, 0, stderr);
      assert.deepEqual(readdirSync(to).toSorted(), Object.keys(files).toSorted());
      for (const [name, content] of Object.entries(files))
        assert(readFileSync(join(to, name)).equals(content), name);
    }
    const { stdout } = run();
    for (const [id] of expected) assert(stdout.includes(id));
  });

  it("refuses a pack with a flipped bit", async () => {
    const id = await store(null, { "snapshot.sqlite": randomBytes(100_000) });
    const pack = join(backups.root, "packs", readdirSync(join(backups.root, "packs"))[0]!);
    const bytes = readFileSync(pack);
    bytes[50_000]! ^= 1;
    writeFileSync(pack, bytes);
    const { status, stderr } = run(id, workspace.path("out"));
    assert.equal(status, 1);
    assert.match(stderr, /damaged/);
  });
});
