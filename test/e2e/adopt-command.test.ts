import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { inProcess } from "../support/in-process.ts";
import type { Ended } from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { SAMPLE } from "../support/tool-files.ts";
import { HISTORIES } from "../support/tool-histories.ts";

describe("schemaledger adopt", () => {
  const directory = temporaryDirectory();
  const run = (...args: string[]): Promise<Ended> =>
    inProcess([...args, "--data", directory.file("data")], { cwd: directory.path });

  const file = (name: string, text: string): void => writeFileSync(directory.file(name), text);

  beforeEach(() => {
    const db = new Sqlite(directory.file("shop.db"));
    db.exec(`${HISTORIES["flyway"]!.sql} ${SAMPLE} INSERT INTO users VALUES (1, 'Ada')`);
    db.close();
    mkdirSync(directory.file("sql"));
    file("sql/V1__init.sql", SAMPLE);
    file("sql/V2__bad.sql", "-- bad\n");
    file("sql/V3__mail.sql", "ALTER TABLE users ADD COLUMN mail TEXT;");
    file("sql/notes.txt", "x");
  });

  it("shows what it would do and makes nothing, then asks, then takes over", async () => {
    const dry = await run("adopt", "./shop.db", "--dir", "sql", "--dry-run");
    equal(dry.code, 4, dry.stdout + dry.stderr);
    match(dry.stdout, /1 +init +applied +yes +2024-01-01T00:00:00.000Z +unknown +match +present/);
    match(dry.stdout, /error: Flyway says that version 2 \(bad\) failed/);
    match(dry.stdout, /--not-applied 2/);
    match(dry.stdout, /Not a migration: notes.txt/);
    equal(existsSync(directory.file("data")), false);

    const open = await run("adopt", "./shop.db", "--dir", "sql");
    equal(open.code, 4, open.stdout + open.stderr);
    match(open.stdout, /Undecided: nothing was recorded/);
    const early = await run("migrate", "./shop.db", "sql");
    equal(early.code, 4);
    match(early.stderr, /foreign-history|flyway_schema_history says what Flyway has applied/);
    match(early.stderr, /schemaledger adopt shop --dir/);

    const decided = ["--not-applied", "2", "--reason", "It is a comment"];
    const json = await run("adopt", "shop", "--dir", "sql", ...decided, "--json");
    equal(json.code, 0, json.stderr);
    const document = JSON.parse(json.stdout);
    equal(document.format, "adopt/1");
    equal(document.outcome, "adopted");
    deepEqual(
      document.migrations.map(({ version, inForce }: Record<string, unknown>) => [
        version,
        inForce,
      ]),
      [
        ["1", true],
        [null, false],
        ["2", false],
      ],
    );
    const migrated = await run("migrate", "shop", "sql", "--json");
    equal(migrated.code, 0, migrated.stderr + migrated.stdout);
    deepEqual(
      JSON.parse(migrated.stdout).applied.map(({ version }: { version: string }) => version),
      ["2", "3"],
    );
    const again = await run("adopt", "shop", "--dir", "sql", ...decided);
    equal(again.code, 0, again.stderr);
    match(again.stdout, /Nothing new/);
  });

  it("says what is wrong with what it was given", async () => {
    const missing = await run("adopt", "./nothing.db");
    equal(missing.code, 2);
    match(missing.stderr, /There is no file/);
    equal(existsSync(directory.file("nothing.db")), false);
    const tool = await run("adopt", "./shop.db", "--tool", "knex", "--dry-run");
    equal(tool.code, 2);
    match(tool.stderr, /No history of another tool was found/);
    const reason = await run("adopt", "./shop.db", "--not-applied", "2");
    equal(reason.code, 2);
    match(reason.stderr, /needs a reason/);
  });
});
