import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { FolderMigrationSource } from "../../../src/infra/migration-files/folder-migration-source.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

type Files = { readonly [file: string]: string };

describe("The configuration of a folder", () => {
  const directory = temporaryDirectory();
  const read = (files: Files, migrations?: unknown) => {
    const all: { [file: string]: string } = { ...files };
    if (migrations !== undefined)
      all["schemaledger.config.json"] = JSON.stringify({ lint: {}, migrations });
    for (const [name, text] of Object.entries(all)) {
      const path = directory.file(`m/${name}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return new FolderMigrationSource(directory.file("m")).read();
  };
  const versions = async (files: Files, migrations: unknown): Promise<string[]> =>
    (await read(files, migrations)).migrations.map(({ version }) => version);

  it("says how files are named, by patterns with variants for engines", async () => {
    const set = await read(
      {
        "delta/9/01a.sql": "a",
        "delta/10/02b.sql": "for others",
        "delta/10/02b.sql.sqlite": "b",
        "delta/10/02b.sql.postgres": "b for postgres",
        "delta/10/02b.down.sql": "down",
        "delta/10/03c.py": "",
        "README.md": "",
      },
      {
        files: [
          String.raw`delta/(?<version>\d+/\d+)(?<name>\w+)(?:\.(?<direction>down))?\.sql(?:\.(?<engine>sqlite|postgres))?`,
        ],
        ignore: { "README\\.md": "documentation" },
      },
    );
    equal(set.format, "grammar");
    deepEqual(
      set.migrations.map(({ version, name, up, down }) => [version, name, up, down]),
      [
        ["9.01", "a", "a", undefined],
        ["10.02", "b", "b", "down"],
      ],
    );
    const reasons = Object.fromEntries(set.unmatched.map(({ file, reason }) => [file, reason]));
    equal(reasons["README.md"], "documentation");
    match(reasons["delta/10/02b.sql"]!, /variant for sqlite/);
    match(reasons["delta/10/02b.sql.postgres"]!, /for postgres/);
    match(reasons["delta/10/03c.py"]!, /Python/);
    equal(set.unmatched.length, 4);
  });

  it("gives the order: of versions, of texts, or of a list", async () => {
    const files = { "9_a.sql": "", "10_b.sql": "", "x.sql": "" };
    const pattern = String.raw`(?<version>(?<name>\w+))\.sql`;
    deepEqual(await versions(files, { files: [pattern] }), ["9_a", "10_b", "x"]);
    deepEqual(await versions(files, { files: [pattern], order: "text" }), ["10_b", "9_a", "x"]);
    const listed = { files: [pattern], order: "listed", list: ["x.sql", "9_a"] };
    deepEqual(await versions(files, listed), ["x", "9_a"]);
    deepEqual((await read({}, listed)).unmatched, [
      { file: "10_b.sql", reason: "migrations.list does not name it" },
    ]);
  });

  it("replaces texts and puts values in, and keeps the text from before", async () => {
    const [migration] = (
      await read(
        { "1_a.sql": "CREATE TABLE $%p%$_t (b BLOB);" },
        {
          replace: { BLOB: "BYTEA" },
          placeholder: String.raw`\$%(\w+)%\$`,
          placeholders: { p: "x" },
        },
      )
    ).migrations;
    equal(migration!.up, "CREATE TABLE x_t (b BYTEA);");
    equal(migration!.source, "CREATE TABLE $%p%$_t (b BLOB);");
    const missing = read({}, { placeholder: String.raw`\$%(\w+)%\$` });
    await rejects(missing, { code: "placeholder-missing" });
  });

  it("says of single steps what their files cannot say, and why some are left out", async () => {
    const set = await read(
      { "1_a.sql": "DELETE FROM t;", "2_b.sql": "VACUUM;", "3_c.sql": "c", "full.sql": "all" },
      {
        steps: {
          "1": { allow: { rowLoss: ["t"] }, verify: "SELECT 1;" },
          "2": { transaction: "none" },
          "3": { skip: "its table is made by code" },
        },
        baseline: { version: "1.5", sql: "full.sql" },
      },
    );
    deepEqual(
      set.migrations.map(({ version }) => version),
      ["1", "B1.5", "2"],
    );
    const [first, base, second] = set.migrations;
    deepEqual([first!.allow, first!.verify], [{ rowLoss: ["t"] }, "SELECT 1;"]);
    deepEqual([base!.baseline, base!.up, second!.transaction], [true, "all", "none"]);
    match(first!.notes![0]!, /says what it may lose and how it is verified/);
    deepEqual(set.unmatched, [{ file: "3_c.sql", reason: "left out: its table is made by code" }]);
  });

  it("names the tool, and a module of SQL functions for those that call them", async () => {
    const set = await read(
      {
        "1_a.sql": "SELECT twice (1);",
        "2_b.sql": "SELECT 2; -- nottwice(2)",
        "f.mjs": "export function twice(x) { return 2 * x; }",
      },
      { format: "sqlx", functions: "f.mjs" },
    );
    equal(set.format, "sqlx");
    deepEqual(
      set.migrations.map(({ functions }) => functions !== undefined),
      [true, false],
    );
    deepEqual(set.unmatched, []);
  });

  const WRONG: readonly [unknown, RegExp][] = [
    [[], /migrations is not an object/],
    [{ file: [] }, /migrations\.file is not known/],
    [{ files: ["("] }, /is no pattern/],
    [{ files: "x" }, /is not a list/],
    [{ order: "random" }, /natural, text or listed/],
    [{ order: "listed" }, /goes with/],
    [{ files: ["(?<version>1)_a\\.sql"], order: "listed", list: ["9"] }, /names 9/],
    [{ format: "grammar" }, /needs migrations\.files/],
    [{ replace: { a: 1 } }, /other values than texts/],
    [{ steps: { "9": {} } }, /there is no such version/],
    [{ steps: { "1": { allowed: {} } } }, /steps\.1\.allowed is not known/],
    [{ steps: { "1": { transaction: "maybe" } } }, /required or none/],
    [{ baseline: { version: "1", sql: "none.sql" } }, /there is no none\.sql/],
    [{ baseline: { version: "1", sql: "1_a.sql", database: "x.db" } }, /either sql or database/],
    [{ functions: "none.js" }, /there is no none\.js/],
  ];
  for (const [migrations, message] of WRONG)
    it(`is refused for ${JSON.stringify(migrations)}`, async () => {
      const files = { "1_a.sql": "" };
      await rejects(read(files, migrations), { code: "folder-config-invalid", message });
    });

  it("is refused if it is no JSON, or lies elsewhere and is not there", async () => {
    await rejects(read({ "schemaledger.config.json": "{", "1_a.sql": "" }), {
      code: "folder-config-invalid",
    });
    const source = new FolderMigrationSource(directory.file("m"), { config: "none.json" });
    await rejects(source.read(), { code: "folder-config-invalid", message: /cannot be read/ });
  });
});
