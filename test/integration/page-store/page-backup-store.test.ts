import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Unavailable } from "../../../src/domain/shared/errors.ts";
import { storeFilesApart } from "../../../src/infra/page-store/packer.ts";
import { DirectoryPlace } from "../../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../../src/infra/page-store/page-backup-store.ts";
import { storeError } from "../../../src/infra/page-store/store-errors.ts";
import { manifestOf } from "../../support/backups.ts";
import { TemporaryStore } from "../../support/temporary-store.ts";
import { itBehavesAsBackupStore, type Files } from "../contracts/backup-store.contract.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("PageBackupStore", () => {
  itBehavesAsBackupStore(() => TemporaryStore.create());

  describe("on its disk", () => {
    let place: TemporaryStore;
    let store: PageBackupStore;
    let id: string;

    beforeEach(async () => {
      place = await TemporaryStore.create();
      store = new PageBackupStore(new DirectoryPlace(place.root));
      id = randomUUID();
    });

    afterEach(() => place.dispose());

    async function stored(files: Files, backupId = id): Promise<void> {
      const content = await place.write(await store.begin(backupId, null), files);
      await store.publish(backupId, manifestOf(backupId, content));
    }

    it("keeps everything from other users", async () => {
      const mask = process.umask(0);
      try {
        await stored({ a: randomBytes(5000) });
        const scratch = await store.scratch("restore");
        assert.deepEqual([place.root, scratch.path].map(modeOf), [0o700, 0o700]);
      } finally {
        process.umask(mask);
      }
      for (const entry of readdirSync(place.root, { recursive: true, withFileTypes: true })) {
        const mode = modeOf(join(entry.parentPath, entry.name));
        assert.equal(mode, entry.isDirectory() ? 0o700 : 0o600, entry.name);
      }
    });

    it("closes a directory that others could read", async () => {
      await mkdir(place.root, { recursive: true });
      await chmod(place.root, 0o755);
      await store.clean();
      assert.equal(modeOf(place.root), 0o700);
    });

    it("leaves nothing but objects behind", async () => {
      await stored({ a: randomBytes(5000) });
      const counts = ["packs", "lists", "manifests", "begun"].map(
        (folder) => readdirSync(join(place.root, folder)).length,
      );
      assert.deepEqual(counts, [1, 1, 1, 0]);
    });

    it("cleans what a crash left at any point before the publication", async () => {
      const other = randomUUID();
      const kept = { a: randomBytes(5000) };
      await stored(kept, other);
      await place.write(await store.begin(id, null), { a: randomBytes(5000) });
      await writeFile(join(place.root, "packs", ".half"), "abc");
      await mkdir(join(place.root, "sweeping"), { recursive: true });
      await writeFile(join(place.root, "sweeping", "now"), "");
      const scratch = await store.scratch("rehearse");
      await store.clean();
      assert.deepEqual(await readdir(join(place.root, "begun")), []);
      assert.equal(existsSync(join(place.root, "packs", ".half")), false);
      assert.equal(existsSync(scratch.path), false);
      assert.equal((await store.sweep([])).objects, 2);
      assert.deepEqual(await place.read(await store.access(other)), kept);
    });

    it("follows no symlink while cleaning", async () => {
      const outside = join(dirname(place.root), "outside");
      await mkdir(outside, { recursive: true });
      await writeFile(join(outside, "precious"), "abc");
      const scratch = await store.scratch("x");
      await symlink(outside, join(scratch.path, "link"));
      await symlink(outside, join(place.root, "scratch", "link"));
      await store.clean();
      assert.deepEqual(await readdir(outside), ["precious"]);
    });

    it("takes what several processes write at the same time", async () => {
      const path = join(place.directory, "source");
      const content = randomBytes(3_000_000);
      await writeFile(path, content);
      const files = [{ name: "a", path, bytes: content.length, withoutWal: false }];
      const never = new AbortController().signal;
      const ids = [randomUUID(), randomUUID(), randomUUID()];
      await Promise.all(
        ids.map(async (one) => {
          const access = await store.begin(one, null);
          const stored = await storeFilesApart({
            access,
            files,
            onProgress: () => {},
            signal: never,
          });
          await store.publish(one, manifestOf(one, stored));
        }),
      );
      for (const one of ids)
        assert.deepEqual(await place.read(await store.access(one)), { a: content });
    });

    it("loses nothing when a process that writes is killed, whenever that is", async () => {
      const kept = { a: randomBytes(9000) };
      await stored(kept);
      const path = join(place.directory, "source");
      await writeFile(path, randomBytes(17_000_000));
      const files = [{ name: "a", path, bytes: 17_000_000, withoutWal: false }];
      for (const at of [0, 0.6]) {
        const other = randomUUID();
        const stop = new AbortController();
        const access = await store.begin(other, id);
        const died = storeFilesApart({
          access,
          files,
          onProgress: (fraction) => {
            if (fraction >= at) stop.abort(new Error("killed"));
          },
          signal: stop.signal,
        });
        await assert.rejects(died, /killed/);
        await store.discard(other);
        assert.deepEqual(await store.list(), [id]);
        assert.deepEqual(await place.read(await store.access(id)), kept);
      }
      await store.clean();
      await store.sweep([]);
      const names = readdirSync(place.root, { recursive: true, withFileTypes: true });
      assert.equal(names.filter((entry) => entry.isFile()).length, 3);
    });

    it("tells a damaged manifest from a missing one", async () => {
      await stored({ a: randomBytes(5000) });
      const file = join(place.root, "manifests", id);
      const whole = await readFile(file);
      const damages = [
        Buffer.alloc(0),
        Buffer.from("null"),
        whole.subarray(0, 60),
        Buffer.from(whole).fill(0xff, 60, 61),
      ];
      for (const damage of damages) {
        await writeFile(file, damage);
        await assert.rejects(
          store.manifest(id),
          (error) => error instanceof Unavailable && error.code === "backup-manifest-damaged",
        );
      }
    });

    it("does not sweep when it cannot tell what is needed", async () => {
      const other = randomUUID();
      await stored({ a: randomBytes(5000) });
      await stored({ a: randomBytes(5000) }, other);
      const file = join(place.root, "manifests", id);
      const whole = await readFile(file);
      await writeFile(file, whole.subarray(0, 60));
      await store.remove(other);
      const before = readdirSync(join(place.root, "packs"));
      await assert.rejects(store.sweep([]), { code: "backup-damaged" });
      assert.deepEqual(readdirSync(join(place.root, "packs")), before);
      await writeFile(file, whole);
      assert.equal((await store.sweep([])).objects, 2);
    });

    it("tells what the file system refuses", async () => {
      await mkdir(dirname(place.root), { recursive: true });
      await writeFile(place.root, "a file where the store should be");
      for (const attempt of [
        () => store.begin(id, null),
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
