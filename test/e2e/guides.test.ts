import { equal, match, ok } from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { MAIN, textOf } from "../support/repository.ts";
import { endProcessesAfterEach, start, startService } from "../support/service-process.ts";
import { HISTORIES } from "../support/tool-histories.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** The blocks of a guide that are marked `run`, in order. */
const blocksOf = (guide: string): string[] =>
  [...textOf(`docs/guides/${guide}.md`).matchAll(/^```bash run\n([\s\S]*?)^```$/gm)].map(
    ([, block]) => block!,
  );

const step = (version: string, up: string) => ({ version, name: `step ${version}`, up });

describe("docs/guides", function () {
  this.timeout(120_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();

  /** Executes a guide's blocks one after another in one shell; what each said. */
  async function follow(guide: string, env: { [name: string]: string }): Promise<string[]> {
    const command = directory.file("schemaledger");
    writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, {
      mode: 0o755,
    });
    const blocks = blocksOf(guide);
    ok(blocks.length > 0);
    const script = blocks.map((block, i) => `echo; echo "== ${i}"\n${block}`).join("\n");
    const shell = start("bash", ["-euo", "pipefail", "-c", script], {
      cwd: directory.path,
      env: { ...env, PATH: `${directory.path}:${process.env["PATH"]}` },
    });
    const { code, stdout, stderr } = await shell.ended;
    equal(code, 0, stderr + stdout);
    return stdout.split(/^== \d+$/m).slice(1);
  }

  /** A service with the database `shop` at version 1. */
  async function shop() {
    const service = await startService(directory.file("data"), directory.path);
    const ask = async (path: string, body: object) => {
      const response = await fetch(`${service.url}/v1${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${service.token}`,
          "content-type": "application/json",
          connection: "close",
        },
        body: JSON.stringify(body),
      });
      ok(response.ok, await response.clone().text());
      return (await response.json()) as { readonly id: string };
    };
    const migrate = async (migrations: object[], body: object = {}) => {
      await ask("/databases/shop/migrations", { migrations });
      const { id } = await ask("/databases/shop/runs", body);
      const headers = { authorization: `Bearer ${service.token}`, connection: "close" };
      await fetch(`${service.url}/v1/runs/${id}?wait=60`, { headers });
    };
    const url = directory.file("shop.db");
    await ask("/databases", { name: "shop", engine: "sqlite", url, create: true });
    await migrate([step("1", "CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)")]);
    return { service, migrate };
  }

  const rows = (file: string): unknown => {
    const db = new Database(file, { readonly: true });
    try {
      return db.prepare("SELECT count(*) FROM a").pluck().get();
    } finally {
      db.close();
    }
  };

  it("brings a database back after a migration that stopped half-way", async () => {
    const { service, migrate } = await shop();
    await migrate([step("2", "DROP TABLE a"), step("3", "INSERT INTO nowhere VALUES (1)")], {
      rehearse: false,
      onFailure: "stop",
    });
    const env = { SERVICE: service.url, DATA: directory.file("data") };
    const said = await follow("failed-migration", env);
    match(said[0]!, /"status":"failed","outcome":"kept"/);
    match(said[1]!, /"status":"succeeded".*"procedure":"failed-migration"/);
    match(said[2]!, /"version":"1"/);
    equal(rows(directory.file("shop.db")), 2);
    await service.stop();
  });

  it("asks people about runs, restores and the policy itself", async () => {
    const service = await startService(directory.file("data"), directory.path);
    mkdirSync(directory.file("migrations"));
    writeFileSync(directory.file("migrations/1_orders.up.sql"), "CREATE TABLE orders (x)");
    const env = { SERVICE: service.url, ADMIN: service.token };
    const said = await follow("approvals", env);
    match(said[1]!, /approvalsIfDestructive +2/);
    match(said[2]!, /Run \S+ is succeeded/);
    match(
      said[3]!,
      /awaiting-approval[^]*awaiting-approval[^]*awaiting-approval[^]*Restore \S+ is succeeded/,
    );
    match(said[4]!, /Restore \S+ is cancelled/);
    match(said[5]!, /Restore \S+: accepted/);
    match(said[6]!, /Change of the policy \S+ is succeeded/);
    ok(!said[6]!.includes("freezes"), said[6]);
    equal(said[7]!.match(/"type":"RestoreApproved"/g)!.length, 3);
    equal(said[7]!.match(/"type":"PolicyChangeApproved"/g)!.length, 2);
    await service.stop();
  });

  it("brings a database back after damage", async () => {
    const { service } = await shop();
    await service.stop();
    for (const suffix of ["", "-wal", "-shm"])
      rmSync(directory.file(`shop.db${suffix}`), { force: true });
    writeFileSync(directory.file("shop.db"), Buffer.alloc(8192, 7));
    const again = await startService(directory.file("data"), directory.path);
    const env = { SERVICE: again.url, DATA: directory.file("data") };
    const said = await follow("damaged-database", env);
    match(said[0]!, /"status":"succeeded".*"procedure":"corruption"/);
    match(said[1]!, /"status":"passed"[\s\S]*"status":"passed"/);
    await again.stop();
  });

  it("brings everything back from a directory of backups", async () => {
    const { service } = await shop();
    await service.stop();
    const place = (name: string): string => directory.file(name);
    renameSync(place("data/backups"), place("backups"));
    cpSync(place("data/keys"), place("keys"), { recursive: true });
    rmSync(place("data"), { recursive: true });
    for (const suffix of ["", "-wal", "-shm"]) rmSync(place(`shop.db${suffix}`), { force: true });
    const env = {
      BACKUPS: place("backups"),
      KEYS: place("keys"),
      NEW: place("new"),
      DATABASES: directory.path,
      FILES: place("files"),
    };
    const said = await follow("total-loss", env);
    match(said[0]!, /recovered: shop/);
    match(said[1]!, /shop[\s\S]*passed/);
    match(said[2]!, /shop\.db/);
    equal(rows(place("shop.db")), 1 + 1);
    ok(existsSync(place("files/shop.db")));
  });

  it("tests migrations with rows, expectations and a fresh installation", async () => {
    const said = await follow("test-migrations", {});
    match(said[0]!, /^rows \(on generated rows, \d+ rows\)$/m);
    match(said[0]!, /^Passed: 12 passed, 0 failed, 0 lossy, 0 skipped$/m);
    match(said[1]!, /^Passed: 13 passed/m);
    match(said[2]!, /^Passed: 13 passed/m);
    match(said[2]!, /^12$/m);
  });

  it("takes a database over from another tool", async () => {
    const db = new Database(directory.file("shop.db"));
    db.exec(`${HISTORIES["dbmate"]!.sql} CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)`);
    db.close();
    mkdirSync(directory.file("migrations"));
    const file = (name: string, up: string, down: string): void =>
      writeFileSync(
        directory.file(`migrations/${name}.sql`),
        `-- migrate:up\n${up}\n-- migrate:down\n${down}\n`,
      );
    file("20240101000001_a", "CREATE TABLE a (x);", "DROP TABLE a;");
    file("20240102000001_y", "ALTER TABLE a ADD COLUMN y TEXT;", "ALTER TABLE a DROP COLUMN y;");
    const said = await follow("coming-from", {});
    match(said[0]!, /Dry run: 1 version of shop.db would be in force/);
    match(said[1]!, /Adopted: 1 version of shop is in force[\s\S]*20240101000001/);
    match(
      said[2]!,
      /Linted: 1 migration:[\s\S]*is at version 20240102000001 \(1 migration applied/,
    );
    equal(rows(directory.file("shop.db")), 2);
  });
});
