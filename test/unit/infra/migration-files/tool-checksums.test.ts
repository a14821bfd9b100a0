import { deepEqual, equal, notEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  AtlasSum,
  drizzleChecksum,
  flywayChecksum,
  liquibaseChecksum,
  prismaChecksum,
} from "../../../../src/infra/migration-files/tool-checksums.ts";
import { changesetsOf } from "../../../../src/infra/migration-files/liquibase-changesets.ts";
import { planOf } from "../../../../src/infra/migration-files/sqitch-plan.ts";

/* Values that the tools themselves gave for these texts. */
describe("Checksums of other tools", () => {
  it("are Flyway's, whatever the line ends", () => {
    equal(flywayChecksum("-- v\n").values[0], "1869319655");
    equal(flywayChecksum("-- bad\r\n").values[0], "-285666519");
    equal(flywayChecksum("-- a\r-- b").values[0], flywayChecksum("-- a\n-- b\n").values[0]);
  });

  it("are Drizzle's", () => {
    const text =
      "CREATE TABLE users (id integer PRIMARY KEY, name text);\n--> statement-breakpoint\nCREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users(id) ON DELETE CASCADE);\n";
    const hash = "86250b11efa701a77036c72d3870ca418d6fac3c49db67a0bc1b4637dbdaf2a6";
    equal(drizzleChecksum(text).values[0], hash);
    equal(drizzleChecksum(text.replaceAll("\n", "\r\n")).values.includes(hash), true);
  });

  it("are Atlas', of each file and of all", () => {
    const sum = new AtlasSum();
    const first = sum.add("1_a.sql", "CREATE TABLE t (id int);\n");
    const second = sum.add("2_b.sql", "CREATE TABLE u (id int);\n");
    equal(first[0], "h1:RyL1nDQ6LvKjltyMld6lIILdIMAYseO5LygOKjzFtaU=");
    equal(second[0], "h1:8YDtJnaBx7Dory+Q74npgcm6/tkRg0FclO23eN0pxNs=");
    equal(sum.totals()[0], "h1:2/D3bnetOk7QXK9HpCDEgiHHvKDlnbVOQSUbQhrjKlY=");
  });

  it("are Atlas' also where a checkout made other line ends, or a file is only named", () => {
    const sum = new AtlasSum();
    sum.pass("0_seed.sql");
    const windows = sum.add("1_a.sql", "CREATE TABLE t (id int);\r\n");
    const named = createHash("sha256").update("0_seed.sql1_a.sqlCREATE TABLE t (id int);\n");
    equal(windows[1], `h1:${named.digest("base64")}`);
    equal(windows[0], windows[2]);
  });

  it("of a whole file's bytes know the byte order mark that reading it takes away", () => {
    const hash = createHash("sha256").update("\uFEFFSELECT 1;\n").digest("hex");
    equal(prismaChecksum("SELECT 1;\n").values.includes(hash), true);
    notEqual(prismaChecksum("SELECT 1;\n").values[0], hash);
  });

  it("are Liquibase's since version 9, whatever the space", () => {
    const text = (end: string): string =>
      `--liquibase formatted sql\n\n--changeset alice:1 labels:core context:all\n--comment: users table\nCREATE TABLE users (${end}   id INTEGER PRIMARY KEY,${end}   name TEXT${end});${end}--rollback DROP TABLE users;`;
    for (const end of ["\n", "\r\n", "\n\t\n"]) {
      const [changeset] = changesetsOf("a.sql", text(end)).changesets;
      equal(liquibaseChecksum(changeset!.sql).values[0], "9:4b05818e9ce9fb1984b2e83964974f21");
    }
  });

  it("are Sqitch's ids of the plan's changes", () => {
    const changes = planOf(
      [
        "%syntax-version=1.0.0",
        "%project=flipr",
        "%uri=https://example.org/flipr",
        "",
        "users 2026-11-22T13:21:31Z Lab User <lab@example.org> # Add users.",
        "posts [users] 2026-11-22T13:21:32Z Lab User <lab@example.org> # Add posts.",
      ].join("\n"),
    );
    deepEqual(
      changes.map(({ id }) => id),
      ["99fb24871246559d954d5b1a5dc99a51f20922b1", "c03c6c251fb2be2160ef37d7220815c3b8bf894e"],
    );
  });
});
