import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Unavailable } from "../../../src/domain/shared/errors.ts";
import { FileBackupStore } from "../../../src/infra/backup-store/file-backup-store.ts";
import { storeError } from "../../../src/infra/backup-store/store-errors.ts";
import {
  itBehavesAsBackupStore,
  manifestOf,
  type StoreUnderTest,
} from "../contracts/backup-store.contract.ts";

async function temporaryStore(): Promise<StoreUnderTest & { readonly root: string }> {
  const directory = await mkdtemp(join(tmpdir(), "schemaledger-store-"));
  const root = join(directory, "data", "backups");
  return {
    root,
    open: () => Promise.resolve(new FileBackupStore(root)),
    restart: async () => {
      const store = new FileBackupStore(root);
      await store.clean();
      return store;
    },
    dispose: () => rm(directory, { recursive: true }),
  };
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("FileBackupStore", () => {
  itBehavesAsBackupStore(temporaryStore);

  describe("on its disk", () => {
    let place: StoreUnderTest & { readonly root: string };
    let store: FileBackupStore;
    let id: string;

    beforeEach(async () => {
      place = await temporaryStore();
      store = new FileBackupStore(place.root);
      id = randomUUID();
    });

    afterEach(() => place.dispose());

    it("keeps everything from other users, whatever the engine left", async () => {
      const path = await store.stage(id);
      assert.equal(modeOf(dirname(path)), 0o700);
      await writeFile(path, "abc");
      await chmod(path, 0o666);
      await chmod(dirname(path), 0o777);
      await store.publish(id, manifestOf(id, "abc"));
      const scratch = await store.scratch("restore");
      const modes = [place.root, join(place.root, id), scratch.path].map(modeOf);
      assert.deepEqual(modes, [0o700, 0o700, 0o700]);
      assert.equal(modeOf(join(place.root, id, "snapshot.sqlite")), 0o600);
      assert.equal(modeOf(join(place.root, id, "manifest.json")), 0o600);
    });

    it("closes a directory that others could read", async () => {
      await mkdir(place.root, { recursive: true });
      await chmod(place.root, 0o755);
      await store.clean();
      assert.equal(modeOf(place.root), 0o700);
    });

    it("publishes a directory with the snapshot and the manifest, nothing else", async () => {
      await writeFile(await store.stage(id), "abc");
      const { storedBytes } = await store.publish(id, manifestOf(id, "abc"));
      const names = await readdir(join(place.root, id));
      assert.deepEqual(names.toSorted(), ["manifest.json", "snapshot.sqlite"]);
      const sizes = names.map((name) => statSync(join(place.root, id, name)).size);
      assert.equal(
        storedBytes,
        sizes.reduce((sum, size) => sum + size),
      );
      assert.deepEqual(await readdir(join(place.root, "staging")), []);
    });

    it("cleans what a crash left at any point before the publication", async () => {
      await writeFile(await store.stage(id), "abc");
      const dying = join(place.root, "staging", `${randomUUID()}.publishing`);
      await mkdir(dying);
      await writeFile(join(dying, "manifest.json"), "{}");
      const scratch = await store.scratch("rehearse");
      await store.clean();
      assert.deepEqual(await readdir(join(place.root, "staging")), []);
      assert.equal(existsSync(scratch.path), false);
      assert.deepEqual(await store.list(), []);
    });

    it("follows no symlink while cleaning or sealing", async () => {
      const outside = join(dirname(place.root), "outside");
      await mkdir(outside, { recursive: true });
      await writeFile(join(outside, "precious"), "abc");
      const path = await store.stage(id);
      await symlink(outside, path);
      await assert.rejects(
        store.publish(id, manifestOf(id, "abc")),
        (error) => error instanceof Unavailable && error.code === "backup-store-failed",
      );
      await store.clean();
      assert.deepEqual(await readdir(outside), ["precious"]);
    });

    it("tells a damaged manifest from a missing one", async () => {
      await writeFile(await store.stage(id), "abc");
      await store.publish(id, manifestOf(id, "abc"));
      for (const text of ["", "null", "{", '{"format":2}', '{"format":1,"backupId":"x"}']) {
        await writeFile(join(place.root, id, "manifest.json"), text);
        await assert.rejects(
          store.manifest(id),
          (error) => error instanceof Unavailable && error.code === "backup-manifest-damaged",
        );
      }
    });

    it("tells what the file system refuses", async () => {
      await mkdir(dirname(place.root), { recursive: true });
      await writeFile(place.root, "a file where the store should be");
      for (const attempt of [
        () => store.stage(id),
        () => store.scratch("x"),
        () => store.clean(),
      ]) {
        await assert.rejects(attempt, (error) => {
          assert(error instanceof Unavailable);
          assert.equal(error.code, "backup-store-failed");
          assert.notEqual(error.hint, undefined);
          return true;
        });
      }
    });

    it("tells a full disk by its own code", () => {
      for (const code of ["ENOSPC", "EDQUOT"]) {
        const error = storeError(Object.assign(new Error("write"), { code }));
        assert.equal(error.code, "backup-store-full");
        assert.match(error.hint!, /space/);
      }
    });
  });
});
