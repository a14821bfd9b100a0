import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import { resolveUnderRoots } from "../../../src/infra/files/allowed-roots.ts";

/*
 * Layout: root/ is allowed and has app.db; root/data/ is the service's own; outside/ is not allowed.
 */
describe("resolveUnderRoots", () => {
  let base: string;
  let root: string;
  let server: Server;

  before(async () => {
    base = realpathSync(mkdtempSync(join(tmpdir(), "schemaledger-roots-")));
    root = join(base, "root");
    for (const directory of ["root/sub", "root/data", "outside", "rooted", "root/a%2fb"]) {
      mkdirSync(join(base, directory), { recursive: true });
    }
    for (const file of [
      "root/app.db",
      "root/sub/app.db",
      "root/with space.db",
      "root/100%.db",
      "root/ünï.db",
      "root/data/ledger.db",
      "root/app.db-wal",
      "root/file:x.db",
      "outside/secret.db",
      "rooted/app.db",
    ]) {
      writeFileSync(join(base, file), "");
    }
    const links: readonly (readonly [string, string])[] = [
      ["root/inside.db", "sub/app.db"],
      ["root/out.db", "../outside/secret.db"],
      ["root/outdir", "../outside"],
      ["root/chain.db", "chain2.db"],
      ["root/chain2.db", "sub/../outdir/secret.db"],
      ["root/loop.db", "loop.db"],
      ["root/dangling.db", "../outside/new.db"],
      ["root/innocent.db", "app.db-wal"],
      ["root/own.db", "data/ledger.db"],
      ["alias", "root"],
      ["root/proc", "/proc/self/fd"],
    ];
    for (const [name, to] of links) {
      symlinkSync(to, join(base, name));
    }
    linkSync(join(root, "data/ledger.db"), join(root, "linked.db"));
    execFileSync("mkfifo", [join(root, "pipe.db")]);
    server = createServer().listen(join(root, "socket.db"));
    await new Promise((resolve) => server.once("listening", resolve));
  });

  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(base, { recursive: true });
  });

  const resolve = (url: string, mustExist = true, roots: readonly string[] = [root]) =>
    resolveUnderRoots(url, roots, { mustExist, forbidden: [join(root, "data")] });

  const fill = (text: string) => text.replaceAll("{base}", base).replaceAll("{root}", root);

  describe("allows", () => {
    const allowed: readonly (readonly [url: string, path: string])[] = [
      ["{root}/app.db", "{root}/app.db"],
      ["{root}//sub/./app.db", "{root}/sub/app.db"],
      ["file://{root}/app.db", "{root}/app.db"],
      ["file:{root}/app.db", "{root}/app.db"],
      ["FILE://{root}/app.db", "{root}/app.db"],
      ["file://{root}/with%20space.db", "{root}/with space.db"],
      ["{root}/with space.db", "{root}/with space.db"],
      ["file://{root}/%C3%BCn%C3%AF.db", "{root}/ünï.db"],
      ["{root}/100%.db", "{root}/100%.db"],
      ["file://{root}/100%25.db", "{root}/100%.db"],
      ["{root}/file:x.db", "{root}/file:x.db"],
      ["{root}/inside.db", "{root}/sub/app.db"],
      ["{base}/alias/app.db", "{root}/app.db"],
    ];
    for (const [url, path] of allowed) {
      it(url, async () => assert.equal(await resolve(fill(url)), fill(path)));
    }

    it("a file that is yet to be made, if it need not exist", async () => {
      assert.equal(await resolve(`${base}/alias/sub/new.db`, false), `${root}/sub/new.db`);
      assert.equal(await resolve(`${root}/app.db`, false), `${root}/app.db`);
    });

    it("any of several roots, named by a symlink too, and ignores one that is missing", async () => {
      const roots = ["/nowhere", join(base, "rooted"), join(base, "alias")];
      assert.equal(await resolve(`${root}/app.db`, true, roots), `${root}/app.db`);
      assert.equal(await resolve(`${base}/rooted/app.db`, true, roots), `${base}/rooted/app.db`);
    });

    it("everything under the root directory itself", async () => {
      assert.equal(
        await resolve(`${base}/outside/secret.db`, true, ["/"]),
        `${base}/outside/secret.db`,
      );
    });
  });

  describe("refuses", () => {
    const refused: readonly (readonly [url: string, code: string])[] = [
      ["", "database-url-invalid"],
      ["app.db", "database-url-invalid"],
      ["./app.db", "database-url-invalid"],
      ["~/app.db", "database-url-invalid"],
      [":memory:", "database-url-invalid"],
      ["file::memory:", "database-url-invalid"],
      ["file:app.db", "database-url-invalid"],
      ["file:./app.db", "database-url-invalid"],
      ["file://app.db", "database-url-invalid"],
      ["file://host{root}/app.db", "database-url-invalid"],
      ["file://localhost{root}/app.db", "database-url-invalid"],
      ["file:////host{root}/app.db", "database-url-invalid"],
      ["file://{root}/app.db?mode=memory", "database-url-invalid"],
      ["file://{root}/app.db?vfs=unix-none", "database-url-invalid"],
      ["file://{root}/app.db#x", "database-url-invalid"],
      ["file://{root}/app.db%00.txt", "database-url-invalid"],
      ["file://{root}/sub%2fapp.db", "database-url-invalid"],
      ["file://{root}/a%2Fb/x.db", "database-url-invalid"],
      ["file://{root}/%zz.db", "database-url-invalid"],
      ["file://{root}/%ff.db", "database-url-invalid"],
      ["file://{root}\\app.db", "database-url-invalid"],
      ["file://{root}/app.db%20", "database-url-invalid"],
      ["file://{root}/app%0a.db", "database-url-invalid"],
      ["http://{root}/app.db", "database-url-invalid"],
      ["sqlite://{root}/app.db", "database-url-invalid"],
      ["{root}/app.db\0.txt", "database-url-invalid"],
      ["{root}/app.db ", "database-url-invalid"],
      [" {root}/app.db", "database-url-invalid"],
      ["{root}/app.db\n", "database-url-invalid"],
      ["{root}/app.db\u00A0", "database-url-invalid"],
      ["{root}/\uD800.db", "database-url-invalid"],
      ["{root}/", "database-url-invalid"],
      ["{root}/sub/.", "database-url-invalid"],
      ["{root}/..", "database-url-invalid"],
      ["{root}/../outside/secret.db", "database-url-invalid"],
      ["{root}/sub/../app.db", "database-url-invalid"],
      ["file://{root}/../outside/secret.db", "database-url-invalid"],
      ["file://{root}/%2e%2e/outside/secret.db", "database-url-invalid"],
      ["file://{root}/.%2E/outside/secret.db", "database-url-invalid"],
      ["/{long}", "database-url-invalid"],
      ["{root}/{longname}", "database-url-invalid"],
      ["file://{root}/%252e%252e/secret.db", "database-url-invalid"],
      ["{root}/nothing.db", "database-missing"],
      ["{root}/nowhere/nothing.db", "database-missing"],
      ["{root}/app.db/more.db", "database-missing"],
      ["{root}/app.db-wal", "database-side-file"],
      ["{root}/app.db-shm", "database-side-file"],
      ["{root}/app.db-journal", "database-side-file"],
      ["{root}/APP.DB-WAL", "database-side-file"],
      ["file://{root}/app.db%2Dwal", "database-side-file"],
      ["{root}/innocent.db", "database-side-file"],
      ["{base}/outside/secret.db", "outside-roots"],
      ["{base}/outside/nothing.db", "outside-roots"],
      ["{base}/nowhere/nothing.db", "outside-roots"],
      ["{base}/rooted/app.db", "outside-roots"],
      ["{root}/out.db", "outside-roots"],
      ["{root}/outdir/secret.db", "outside-roots"],
      ["{root}/chain.db", "outside-roots"],
      ["/etc/passwd", "outside-roots"],
      ["/proc/self/mem", "outside-roots"],
      ["/dev/null", "outside-roots"],
      ["/", "database-url-invalid"],
      ["{root}", "outside-roots"],
      ["{root}/sub", "not-a-regular-file"],
      ["{root}/pipe.db", "not-a-regular-file"],
      ["{root}/socket.db", "not-a-regular-file"],
      ["{root}/loop.db", "not-a-regular-file"],
      ["{root}/dangling.db", "not-a-regular-file"],
      ["{root}/data/ledger.db", "own-data-directory"],
      ["{root}/own.db", "own-data-directory"],
      ["{root}/linked.db", "own-data-directory"],
    ];
    for (const [url, code] of refused) {
      it(`${JSON.stringify(url)} as ${code}`, async () => {
        const hostile = fill(url)
          .replace("{longname}", "x".repeat(300))
          .replace("{long}", "x".repeat(5000));
        await assert.rejects(resolve(hostile), (error) => {
          assert(error instanceof DomainError);
          assert.equal(error.code, code);
          assert.notEqual(error.hint, undefined);
          return true;
        });
      });
    }

    const refusedToCreate: readonly (readonly [url: string, code: string])[] = [
      ["{root}/dangling.db", "not-a-regular-file"],
      ["{root}/outdir/new.db", "outside-roots"],
      ["{root}/nowhere/new.db", "database-missing"],
      ["{root}/data/new.db", "own-data-directory"],
      ["{root}/new.db-journal", "database-side-file"],
      ["{base}/new.db", "outside-roots"],
    ];
    for (const [url, code] of refusedToCreate) {
      it(`to create ${url} as ${code}`, async () => {
        await assert.rejects(resolve(fill(url), false), { code });
      });
    }

    it("what a descriptor of this process leads to, outside and in", async () => {
      const outside = openSync(join(base, "outside/secret.db"), "r");
      const inside = openSync(join(root, "app.db"), "r");
      try {
        await assert.rejects(resolve(`${root}/proc/${outside}`), { code: "outside-roots" });
        await assert.rejects(resolve(`/proc/self/fd/${outside}`), { code: "outside-roots" });
        assert.equal(await resolve(`/proc/self/fd/${inside}`), `${root}/app.db`);
      } finally {
        closeSync(outside);
        closeSync(inside);
      }
    });

    it("everything when no root is allowed", async () => {
      await assert.rejects(resolve(`${root}/app.db`, true, []), { code: "outside-roots" });
      await assert.rejects(resolve(`${root}/app.db`, true, ["/nowhere"]), {
        code: "outside-roots",
      });
    });
  });

  it("answers a path that SQLite opens as that very file", async () => {
    const path = await resolve(`file://${root}/100%25.db`);
    const database = new Database(path);
    database.exec("CREATE TABLE t (x)");
    database.close();
    const again = new Database(join(root, "100%.db"), { readonly: true });
    assert.equal(again.prepare("SELECT count(*) FROM t").pluck().get(), 0);
    again.close();
  });
});
