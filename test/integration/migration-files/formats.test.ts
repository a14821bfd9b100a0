import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { checksumOf } from "../../../src/domain/migration/migration.ts";
import { inputOf, type FileMigration } from "../../../src/domain/migration/migration-source.ts";
import {
  FolderMigrationSource,
  type FolderOptions,
} from "../../../src/infra/migration-files/folder-migration-source.ts";
import { digest } from "../../support/digest.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

type Files = { readonly [file: string]: string };

/** What must come of a folder. */
interface Fixture {
  readonly files: Files;
  readonly options?: FolderOptions;
  /** Versions in order. */
  readonly versions: readonly string[];
  /** Members of single migrations, by version. */
  readonly with?: { readonly [version: string]: Partial<FileMigration> };
  readonly unmatched?: { readonly [file: string]: RegExp };
}

const A = "CREATE TABLE a (id INTEGER PRIMARY KEY);\n";
const B = "CREATE TABLE b (id INTEGER PRIMARY KEY);\n";

const FIXTURES: { readonly [format: string]: readonly Fixture[] } = {
  flyway: [
    {
      files: {
        "V2__two.sql": B,
        "V1_1__one_and_more.sql": "INSERT INTO a VALUES (${first});",
        "U2__two.sql": "DROP TABLE b;",
        "R__views.sql": "CREATE VIEW v AS SELECT 1;",
        "sub/V10__ten.sql": "VACUUM;",
        "sub/V10__ten.sql.conf": "executeInTransaction=false\n",
        "V3__raw.sql": "SELECT '${kept}';",
        "V3__raw.sql.conf": "placeholderReplacement=false",
        "beforeMigrate.sql": "SELECT 1;",
        "V4__Code.java": "",
        "flyway.conf": "flyway.placeholders.first=7\n",
      },
      versions: ["1.1", "2", "3", "10", "R.views"],
      with: {
        "1.1": { name: "one and more", up: "INSERT INTO a VALUES (7);" },
        "2": { down: "DROP TABLE b;", files: ["V2__two.sql", "U2__two.sql"] },
        "3": { up: "SELECT '${kept}';" },
        "10": { transaction: "none" },
        "R.views": { repeatable: true, onChange: true },
      },
      unmatched: { "beforeMigrate.sql": /callback/, "V4__Code.java": /Java/ },
    },
    {
      files: { "B5__base.sql": A, "V5__five.sql": A, "V6__six.sql": B },
      versions: ["5", "B5", "6"],
      with: { B5: { baseline: true } },
    },
    {
      files: {
        "flyway.toml":
          '[flyway]\nsqlMigrationPrefix = "M"\nsqlMigrationSuffixes = [".sql", ".ddl"]\n',
        "M1__a.sql": A,
        "M2__b.ddl": B,
      },
      versions: ["1", "2"],
    },
  ],
  liquibase: [
    {
      files: {
        "one.sql": [
          "--liquibase formatted sql",
          "--property name:table value:a",
          "",
          "--changeset alice:1 runInTransaction:false",
          "--comment makes it",
          "CREATE TABLE ${table} (id INTEGER PRIMARY KEY);",
          "--rollback DROP TABLE a;",
          "",
          '-- changeset "bob b":"add row" dbms:sqlite',
          "INSERT INTO a VALUES (1);",
          "/* liquibase rollback",
          "DELETE FROM a;",
          "*/",
          "--changeset alice:3 dbms:postgresql",
          "SELECT 1;",
          "--changeset alice:4 runOnChange:true endDelimiter:/",
          "CREATE VIEW v AS SELECT 1",
          "/",
          "--rollback empty",
        ].join("\n"),
        "notes.sql": "SELECT 1;",
      },
      versions: ["alice.1", "bob-b.add-row", "alice.4"],
      with: {
        "alice.1": {
          up: "CREATE TABLE a (id INTEGER PRIMARY KEY);",
          down: "DROP TABLE a;",
          order: "1",
        },
        "bob-b.add-row": { name: "bob b:add row", down: "DELETE FROM a;" },
        "alice.4": { up: "CREATE VIEW v AS SELECT 1;", down: "", onChange: true },
      },
      unmatched: { "notes.sql": /does not begin/, "one.sql": /alice:3 is for postgresql/ },
    },
    {
      files: {
        "db.changelog-master.xml":
          '<databaseChangeLog><include file="z.sql"/><include file="a.sql"/></databaseChangeLog>',
        "a.sql": "--liquibase formatted sql\n--changeset x:1\nSELECT 1;\n",
        "z.sql": "--liquibase formatted sql\n--changeset x:1\nSELECT 2;\n",
        "extra.sql": "--liquibase formatted sql\n--changeset x:9\nSELECT 3;\n",
      },
      versions: ["x.1", "x.1.a"],
      with: { "x.1": { up: "SELECT 2;" } },
      unmatched: { "extra.sql": /does not include/ },
    },
  ],
  atlas: [
    {
      files: {
        "1_a.sql": "CREATE TABLE t (id int);\n",
        "2_b.sql": "CREATE TABLE u (id int);\n",
        "atlas.sum": [
          "h1:2/D3bnetOk7QXK9HpCDEgiHHvKDlnbVOQSUbQhrjKlY=",
          "1_a.sql h1:RyL1nDQ6LvKjltyMld6lIILdIMAYseO5LygOKjzFtaU=",
          "2_b.sql h1:8YDtJnaBx7Dory+Q74npgcm6/tkRg0FclO23eN0pxNs=",
          "",
        ].join("\n"),
      },
      versions: ["1", "2"],
    },
    {
      files: {
        "1_a.sql": "-- atlas:txmode none\n\nVACUUM;",
        "3_all.sql": "-- atlas:checkpoint\n" + A,
        "2_b.sql": "-- atlas:delimiter \\n\\n\\n\nSELECT 1\n\n\nSELECT 2\n\n\n",
        "10_c.sql": B,
      },
      versions: ["1", "10", "2", "B3"],
      with: {
        "1": { transaction: "none" },
        "2": { up: "-- atlas:delimiter \\n\\n\\n\nSELECT 1;\nSELECT 2;" },
        B3: { baseline: true },
      },
    },
  ],
  sqitch: [
    {
      files: {
        "sqitch.plan": [
          "%syntax-version=1.0.0",
          "%project=shop",
          "",
          "users 2026-01-01T10:00:00Z A B <a@example.org> # Users.",
          "posts [users] 2026-01-02T10:00:00Z A B <a@example.org>",
          "@v1 2026-01-03T10:00:00Z A B <a@example.org> # Tag.",
          "users [users@v1] 2026-01-04T10:00:00Z A B <a@example.org> # Again.",
        ].join("\n"),
        "sqitch.conf": "[core]\n\tengine = sqlite\n",
        "deploy/users.sql": B,
        "deploy/users@v1.sql": A,
        "deploy/posts.sql": "BEGIN; SELECT 1; COMMIT;",
        "revert/posts.sql": "DROP TABLE posts;",
        "verify/posts.sql": "BEGIN; SELECT id FROM posts WHERE 0; ROLLBACK;",
        "deploy/other.sql": "",
      },
      versions: ["users", "posts", "users.2"],
      with: {
        users: { up: A },
        posts: {
          down: "DROP TABLE posts;",
          verify: "SELECT count(*) >= 0 FROM (SELECT id FROM posts WHERE 0\n);",
        },
        "users.2": { up: B, order: "3" },
      },
      unmatched: { "deploy/other.sql": /plan does not name/ },
    },
  ],
  dbmate: [
    {
      files: {
        "20240101000002_b.sql": "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\n",
        "20240101000001_a.sql": `-- migrate:up\n${A}\n-- migrate:down\nDROP TABLE a;\n`,
        "schema.sql": A,
      },
      versions: ["20240101000001", "20240101000002"],
      with: {
        "20240101000001": { up: `${A}\n`, down: "DROP TABLE a;\n", name: "a" },
        "20240101000002": { transaction: "none", down: "" },
      },
      unmatched: { "schema.sql": /does not begin with a number/ },
    },
  ],
  goose: [
    {
      files: {
        "00010_ten.sql": `-- +goose Up\n${B}`,
        "2_two.sql": [
          "-- +goose NO TRANSACTION",
          "-- +goose Up",
          "-- +goose ENVSUB ON",
          "INSERT INTO a VALUES (${N});",
          "-- +goose ENVSUB OFF",
          "SELECT '$N';",
          "-- +goose Down",
          "DELETE FROM a;",
        ].join("\n"),
        "3_code.go": "package main",
      },
      options: { placeholders: new Map([["N", "7"]]) },
      versions: ["2", "00010"],
      with: { "2": { down: "DELETE FROM a;" } },
      unmatched: { "3_code.go": /Go/ },
    },
  ],
  "node-pg-migrate": [
    {
      files: {
        "1700000000000_first.sql": `-- Up Migration\n${A}-- Down Migration\nDROP TABLE a;\n`,
        "20230101000000000_second.sql": `--- UP migration\n${B}`,
        "1700000000001_third.js": "exports.up = () => {};",
      },
      versions: ["20230101000000000_second", "1700000000000_first"],
      with: { "1700000000000_first": { up: A, down: "DROP TABLE a;\n", name: "first" } },
      unmatched: { "1700000000001_third.js": /its tool.s own interface/ },
    },
  ],
  drizzle: [
    {
      files: {
        "meta/_journal.json": JSON.stringify({
          entries: [
            { idx: 1, when: 2, tag: "0001_b", breakpoints: true },
            { idx: 0, when: 1, tag: "0000_a", breakpoints: true },
          ],
        }),
        "meta/0000_snapshot.json": "{}",
        "0000_a.sql": `${A.trim().slice(0, -1)}\n--> statement-breakpoint\n${B}`,
        "0001_b.sql": "SELECT 1;",
        "0002_c.sql": "SELECT 2;",
      },
      versions: ["0000_a", "0001_b"],
      with: { "0000_a": { up: `${A}--> statement-breakpoint\n${B}`, name: "a" } },
      unmatched: { "0002_c.sql": /does not name it/ },
    },
    {
      files: {
        "20250101000000_a/migration.sql": A,
        "20250101000000_a/snapshot.json": "{}",
        "20250102000000_b/migration.sql": B,
      },
      versions: ["20250101000000_a", "20250102000000_b"],
    },
  ],
  prisma: [
    {
      files: {
        "migration_lock.toml": 'provider = "sqlite"',
        "20240102000000_b/migration.sql": B,
        "20240101000000_a_b/migration.sql": A,
        "20240101000000_a_b/down.sql": "DROP TABLE a;",
        "20240101000000_a_b/README.md": "",
      },
      versions: ["20240101000000_a_b", "20240102000000_b"],
      with: { "20240101000000_a_b": { name: "a b", down: "DROP TABLE a;" } },
      unmatched: { "20240101000000_a_b/README.md": /does not end in .sql/ },
    },
  ],
  diesel: [
    {
      files: {
        "2024-03-13-170000_b/up.sql": B,
        "2024-03-13_170000_c/up.sql": "SELECT 1;",
        "2024-03-13-160000_a/up.sql": "VACUUM;",
        "2024-03-13-160000_a/down.sql": "",
        "2024-03-13-160000_a/metadata.toml": "run_in_transaction = false\n",
      },
      versions: ["2024-03-13-160000_a", "2024-03-13-170000_b", "2024-03-13_170000_c"],
      with: { "2024-03-13-160000_a": { transaction: "none", down: "", name: "a" } },
    },
    {
      files: { "9_b/up.sql": B, "10_a/up.sql": A },
      versions: ["10_a", "9_b"],
    },
  ],
  sqlx: [
    {
      files: {
        "2_b.sql": `-- no-transaction\n${B}`,
        "10_c.up.sql": "SELECT 1;",
        "10_c.down.sql": "SELECT 2;",
      },
      versions: ["2", "10"],
      with: { "10": { down: "SELECT 2;" } },
    },
  ],
  d1: [
    {
      files: { "0001_a.sql": A, "0002_b.sql": B },
      options: { format: "d1" },
      versions: ["0001", "0002"],
      with: { "0001": { origin: { version: null, name: "0001_a.sql" } } },
    },
  ],
  pop: [
    {
      files: {
        "1_a.sqlite3.up.sql": A,
        "1_a.up.sql": "for others",
        "1_a.mysql.up.sql": "for mysql",
        "1_a.down.sql": "DROP TABLE a;",
        "2_b.up.fizz": "create_table",
      },
      versions: ["1"],
      with: { "1": { up: A, down: "DROP TABLE a;" } },
      unmatched: {
        "1_a.up.sql": /variant for sqlite/,
        "1_a.mysql.up.sql": /for mysql/,
        "2_b.up.fizz": /Fizz/,
      },
    },
  ],
  "semver-folders": [
    {
      files: {
        "0.10/00__b.sql": B,
        "0.9/02__a.sql": A,
        "0.9/10__c.sql": "SELECT 1;",
        "LATEST.sql": "",
      },
      versions: ["0.9.02", "0.9.10", "0.10.00"],
      unmatched: { "LATEST.sql": /RELEASE/ },
    },
  ],
  "golang-migrate": [
    {
      files: {
        "9_a.up.sql": A,
        "9_a.down.sql": "DROP TABLE a;",
        "30_b.up..sql": B,
        "31_code.go": "",
      },
      versions: ["9", "30"],
      with: { "9": { down: "DROP TABLE a;" }, "30": { up: B, name: "b" } },
      unmatched: { "31_code.go": /Go/ },
    },
  ],
};

describe("Migration files of other tools", () => {
  const directory = temporaryDirectory();
  const folder = (files: Files): string => {
    for (const [name, text] of Object.entries(files)) {
      const path = directory.file(`m/${name}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return directory.file("m");
  };
  const read = (files: Files, options?: FolderOptions) =>
    new FolderMigrationSource(folder(files), options).read();

  for (const [format, fixtures] of Object.entries(FIXTURES))
    fixtures.forEach((fixture, at) => {
      it(`are read as ${format} does, fixture ${at + 1}`, async () => {
        const set = await read(fixture.files, fixture.options);
        equal(set.format, format, set.because);
        deepEqual(
          set.migrations.map(({ version }) => version),
          fixture.versions,
        );
        for (const [version, members] of Object.entries(fixture.with ?? {})) {
          const migration = set.migrations.find((one) => one.version === version)!;
          for (const [member, value] of Object.entries(members))
            deepEqual(migration[member as keyof FileMigration], value, `${version}.${member}`);
        }
        const unmatched = fixture.unmatched ?? {};
        deepEqual(
          set.unmatched.map(({ file }) => file).toSorted(),
          Object.keys(unmatched).toSorted(),
        );
        for (const { file, reason } of set.unmatched) match(reason, unmatched[file]!);
      });
    });

  for (const [format, fixtures] of Object.entries(FIXTURES))
    it(`are the same migrations of ${format} with CRLF and a byte order mark`, async () => {
      const checksums = async (files: Files, options?: FolderOptions): Promise<string[]> =>
        (await read(files, options)).migrations.map((one) => checksumOf(inputOf(one), digest));
      // What seals files by their bytes takes others for changed, as its tool does.
      const fixture = fixtures.find(({ files }) => !("atlas.sum" in files));
      const unix = await checksums(fixture!.files, fixture!.options);
      const windows = Object.fromEntries(
        Object.entries(fixture!.files).map(([file, text]) => [
          file,
          file.endsWith(".json") ? text : `\ufeff${text.replaceAll("\n", "\r\n")}`,
        ]),
      );
      deepEqual(await checksums(windows, fixture!.options), unix);
    });

  it("keep the text from before values were put in", async () => {
    const set = await read(
      { "V1__a.sql": "SELECT ${x};" },
      { placeholders: new Map([["x", "1"]]) },
    );
    equal(set.migrations[0]!.source, "SELECT ${x};");
    equal(set.migrations[0]!.up, "SELECT 1;");
    await rejects(read({}), { code: "placeholder-missing", message: /V1__a\.sql.*\$\{x\}/ });
  });

  it("run in a transaction all the same if they can, and say so", async () => {
    const up = `-- +goose NO TRANSACTION\n-- +goose Up\n${A}`;
    const [migration] = (await read({ "1_a.sql": up })).migrations;
    equal(migration!.transaction, undefined);
    match(migration!.notes![0]!, /NO TRANSACTION is not needed/);
  });

  it("are refused where two tools might be meant, until one is named", async () => {
    const files = { "1_a.sql": `-- +goose Up\n-- migrate:up\n${A}` };
    await rejects(read(files), { code: "format-ambiguous", message: /dbmate .*and like goose/ });
    equal((await read(files, { format: "goose" })).format, "goose");
    await rejects(read(files, { format: "nothing" }), { code: "format-unknown" });
  });

  it("are refused where what they do cannot be told", async () => {
    const changeset = (line: string): Files => ({
      "a.sql": `--liquibase formatted sql\n--changeset a:1 ${line}\nSELECT 1;\n`,
    });
    for (const line of ["runAlways:true", "failOnError:false", "\n--preconditions onFail:MARK_RAN"])
      await rejects(read(changeset(line)), { code: "format-unsupported", message: /a:1/ });
  });

  it("are Atlas' sum's also with the line ends of Windows, a byte order mark, and a file that it passes over", async () => {
    // Made by Atlas' own rules: SHA-256 of names and bytes, running; of the second file the name alone.
    const texts = { "1_a.sql": `\uFEFF${A}\n`, "2_seed.sql": `-- atlas:sum ignore\n${B}\n` };
    const one = createHash("sha256").update(`1_a.sql${texts["1_a.sql"]}`).digest("base64");
    const all = createHash("sha256").update(`1_a.sql${one}`).digest("base64");
    const sum = `h1:${all}\n1_a.sql h1:${one}\n`;
    for (const ends of ["\n", "\r\n"]) {
      const files = Object.entries(texts).map(([name, text]) => [
        name,
        text.replaceAll("\n", ends),
      ]);
      const set = await read({ ...Object.fromEntries(files), "atlas.sum": sum });
      deepEqual(
        set.migrations.map(({ version }) => version),
        ["1", "2"],
      );
    }
  });

  it("are refused where they are not what Atlas' sum was made of", async () => {
    const files = { "1_a.sql": A, "atlas.sum": "h1:x=\n1_a.sql h1:y=\n" };
    await rejects(read(files), { code: "format-invalid", message: /1_a\.sql/ });
  });

  const plan = (...lines: readonly string[]): Files => ({
    "sqitch.plan": ["%project=x", ...lines].join("\n"),
    "deploy/a.sql": "",
    "deploy/b.sql": "",
  });
  const STAMP = "2026-01-01T10:00:00Z A B <a@example.org>";
  const PLANS: readonly [readonly string[], RegExp][] = [
    [[`a [b] ${STAMP}`, `b [a] ${STAMP}`], /a → b → a/],
    [[`a [b] ${STAMP}`, `b ${STAMP}`], /b, which comes after it/],
    [[`a [z] ${STAMP}`], /z, which is not there/],
    [[`a ${STAMP}`, `b [!a] ${STAMP}`], /conflicts with a/],
    [[`a ${STAMP}`, `a ${STAMP}`], /twice without a tag/],
    [["a nonsense"], /line 2 is no change/],
    [[`c ${STAMP}`], /no deploy\/c\.sql/],
  ];
  for (const [lines, message] of PLANS)
    it(`are refused for a plan like ${lines.join(" / ").slice(0, 30)}: ${message.source}`, async () => {
      await rejects(read(plan(...lines)), { code: "format-invalid", message });
    });

  it("are refused without the mark that says what is run", async () => {
    await rejects(read({ "1_a.sql": `-- migrate:up\n${A}`, "2_b.sql": B }), {
      code: "format-invalid",
      message: /2_b\.sql/,
    });
  });

  it("have one file a version", async () => {
    await rejects(read({ "V1__a.sql": A, "V1.0__b.sql": B }), { code: "duplicate-version" });
  });
});
