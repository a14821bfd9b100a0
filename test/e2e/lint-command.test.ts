import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import { SUPPRESSION_RULES } from "../../src/domain/lint/lint.ts";
import { LINT_RULES } from "../../src/domain/lint/rules/rules.ts";
import { inProcess } from "../support/in-process.ts";
import { textOf } from "../support/repository.ts";
import { schemaledger, type Ended } from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

describe("schemaledger lint", () => {
  const directory = temporaryDirectory();
  const run = (...args: string[]): Promise<Ended> =>
    inProcess(["lint", "m", ...args, "--data", directory.file("data")], { cwd: directory.path });
  const file = (name: string, text: string): void => writeFileSync(directory.file(name), text);

  beforeEach(() => {
    mkdirSync(directory.file("m"));
    file("m/1_orders.up.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
    file("m/1_orders.down.sql", "DROP TABLE orders;\n");
    file("m/2_total.up.sql", "-- totals\nALTER TABLE orders ADD COLUMN total INTEGER NOT NULL;\n");
    file("m/2_total.down.sql", "ALTER TABLE orders DROP COLUMN total;\n");
  });

  it("says what it finds, and fails from the severity that is asked for", async () => {
    const plain = await run();
    equal(plain.code, 0, plain.stderr);
    match(plain.stdout, /^2_total.up.sql:2 warning orders.total is added NOT NULL/m);
    match(plain.stdout, /Linted: 2 migrations: 0 errors, 1 warning, 0 notes/);
    equal((await run("--fail-on", "warning")).code, 1);
    equal((await run("--since", "2", "--fail-on", "info")).code, 0);
    file("m/3_bad.up.sql", "DROP TABLE nobody;");
    const failing = await run();
    equal(failing.code, 1);
    match(failing.stdout, /3_bad.up.sql:1 error no such table/);
    equal((await run("--fail-on", "never")).code, 0);
  });

  it("writes documents, and takes severities from the folder's configuration", async () => {
    const json = JSON.parse((await run("--json")).stdout);
    deepEqual(
      json.findings.map(({ rule, line }: Record<string, unknown>) => [rule, line]),
      [["not-null-without-default", 2]],
    );
    const report = await run("--report", "sarif", "--report-file", "out.sarif");
    equal(report.code, 0, report.stderr);
    match(report.stdout, /Linted/);
    const sarif = JSON.parse(readFileSync(directory.file("out.sarif"), "utf8"));
    equal(
      sarif.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri,
      "m/2_total.up.sql",
    );
    match((await run("--report", "github")).stdout, /^::warning file=m\/2_total.up.sql,line=2,/);
    file(
      "m/schemaledger.config.json",
      '{"lint": {"rules": {"not-null-without-default": "error"}}}',
    );
    equal((await run()).code, 1);
    file(
      "m/3_code.up.mjs",
      "export const up = (db) => db.exec('CREATE TABLE made (id INTEGER PRIMARY KEY)');",
    );
    const code = await run();
    equal(code.code, 3, code.stdout);
    match(code.stderr, /Version 3 brings code/);
    match((await run("--allow-code", "--fail-on", "never")).stdout, /Linted: 3 migrations/);
    file("m/schemaledger.config.json", '{"lint": {"rules": {"nothing": "error"}}}');
    const wrong = await run();
    equal(wrong.code, 2);
    match(wrong.stderr, /lint.rules.nothing is no rule/);
  });

  it("runs on a copy of a database, from where that is, and leaves it alone", async () => {
    const db = new Sqlite(directory.file("shop.db"));
    db.exec(
      `CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (1, 0);
       CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)`,
    );
    db.close();
    const before = readFileSync(directory.file("shop.db"));
    const { code, stdout } = await run("--database", "./shop.db");
    equal(code, 1, stdout);
    match(stdout, /2_total.up.sql:2 error Cannot add a NOT NULL column/);
    deepEqual(readFileSync(directory.file("shop.db")), before);
  });

  it("ends when it is asked to, in the midst of a statement that never does, and leaves nothing", async () => {
    const endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    file("m/3_endless.up.sql", `UPDATE orders SET id = (${endless} SELECT max(i) FROM n);`);
    file("m/2_total.up.sql", "INSERT INTO orders (id) VALUES (1);");
    const tmp = directory.file("tmp");
    mkdirSync(tmp);
    const { child, ended } = schemaledger(["lint", "m", "--data", "data"], {
      cwd: directory.path,
      env: { TMPDIR: tmp },
    });
    // The first step is committed: the endless one is next.
    const hasBegun = (): boolean =>
      readdirSync(tmp).some((name) => sizeOf(join(tmp, name, "scratch.db")) > 0);
    while (!hasBegun()) await delay(20);
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    equal(code, 1, stderr);
    deepEqual(readdirSync(tmp), []);
  });
});

describe("docs/reference/lint.md", () => {
  it("has a section for every rule, with its severity", () => {
    const page = textOf("docs/reference/lint.md");
    const sections = [...page.matchAll(/^### (\S+)\n\n(\w+)\b/gm)].map(([, id, severity]) => [
      id,
      severity!.toLowerCase(),
    ]);
    deepEqual(sections, [
      ...LINT_RULES.map(({ id, severity }) => [id, severity]),
      ["suppression-invalid", "error"],
      ["suppression-unused", "info"],
    ]);
    deepEqual(Object.keys(SUPPRESSION_RULES), ["suppression-invalid", "suppression-unused"]);
  });
});
