import { deepEqual, equal, rejects } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { FileMigration } from "../../../src/domain/migration/migration-source.ts";
import type { TestReport } from "../../../src/domain/testing/migration-test.ts";
import { NO_FIXTURES, readFixtures } from "../../../src/infra/migration-files/fixtures.ts";
import { testMigrations, type TestOrder } from "../../../src/library/testing/test-migrations.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const migration = (version: string, up: string, down?: string): FileMigration => ({
  version,
  name: `v${version}`,
  up,
  ...(down === undefined ? {} : { down }),
  files: [`${version}.sql`],
});

const BASE = migration(
  "1",
  `CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT);
   CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id));`,
  "DROP TABLE orders; DROP TABLE customer",
);

const order = (migrations: readonly FileMigration[], more: Partial<TestOrder> = {}): TestOrder => ({
  migrations,
  passes: ["empty"],
  fixtures: NO_FIXTURES,
  budgets: {},
  strict: false,
  rows: 5,
  nulls: true,
  signal: new AbortController().signal,
  hear: () => undefined,
  ...more,
});

const notPassed = ({ passes }: TestReport): string[] =>
  passes.flatMap(({ name, cases }) =>
    cases
      .filter(({ verdict }) => verdict !== "passed")
      .map(
        ({ check, version, verdict, failure }) =>
          `${name} ${version} ${check} ${verdict} ${failure?.code}`,
      ),
  );

describe("tests of migrations", () => {
  const directory = temporaryDirectory();

  it("find what passes on an empty database and fails on rows", async () => {
    const rebuild = migration(
      "2",
      `CREATE TABLE c2 (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT NOT NULL);
       INSERT INTO c2 SELECT * FROM customer; DROP TABLE customer; ALTER TABLE c2 RENAME TO customer`,
    );
    const order2 = order([BASE, rebuild], { passes: ["empty", "rows"] });
    deepEqual(notPassed(await testMigrations(order2)), [
      "empty 2 down lossy down-missing",
      "rows 2 up failed statement-failed",
    ]);
    deepEqual(notPassed(await testMigrations({ ...order2, nulls: false })), [
      "empty 2 down lossy down-missing",
      "rows 2 down lossy down-missing",
    ]);
  });

  it("compare schema and every row after down, on a copy: what is lost there is not lost for the next", async () => {
    const lossy = migration(
      "2",
      "ALTER TABLE customer DROP COLUMN note",
      "ALTER TABLE customer ADD COLUMN note TEXT",
    );
    const later = migration(
      "3",
      "CREATE TABLE seen (n INTEGER); INSERT INTO seen SELECT count(*) FROM orders",
      "SELECT 1",
    );
    const wrong = migration("4", "CREATE INDEX by_email ON customer (email)", "DROP TABLE orders");
    const cases = notPassed(
      await testMigrations(order([BASE, lossy, later, wrong], { passes: ["rows"] })),
    );
    deepEqual(cases, [
      "rows 2 down lossy not-lossless",
      "rows 3 down failed down-differs",
      "rows 3 again failed statement-failed",
      "rows 4 down failed down-differs",
      "rows 4 again failed statement-failed",
    ]);
  });

  it("load fixtures as versions are reached and ask for what must hold", async () => {
    const fixtures = directory.file("fixtures");
    mkdirSync(fixtures);
    writeFileSync(join(fixtures, "1.customer.csv"), 'id,email,note\n1,a@b,\n2,"c@d",""\n');
    writeFileSync(join(fixtures, "1.json"), '{"orders": [{"id": 7, "customer_id": 1}]}');
    writeFileSync(join(fixtures, "1.sql"), "DELETE FROM customer WHERE id = 2");
    writeFileSync(
      join(fixtures, "2.expect.sql"),
      "SELECT count(*) = 1 FROM customer WHERE note IS NULL; SELECT count(*) = 2 FROM orders",
    );
    const set = [BASE, migration("2", "SELECT 1", "SELECT 2")];
    const found = await readFixtures(fixtures, ["1", "2"]);
    deepEqual(notPassed(await testMigrations(order(set, { fixtures: found }))), [
      "empty 2 expect failed verify-failed",
    ]);
  });

  it("try a copy of real data from where it is, and write nothing there", async () => {
    const file = directory.file("real.db");
    const db = new Database(file);
    db.pragma("journal_mode = WAL");
    db.exec(`${BASE.up}; INSERT INTO customer VALUES (1, 'a@b', NULL)`);
    const before = readFileSync(file);
    const unique = migration("2", "CREATE UNIQUE INDEX one ON customer (email)", "DROP INDEX one");
    const double = migration("3", "INSERT INTO customer (email) VALUES ('a@b')");
    const snapshot = { file, at: "1" };
    const set = [BASE, unique, double];
    const report = await testMigrations(order(set, { passes: ["snapshot"], snapshot }));
    deepEqual(notPassed(report), ["snapshot 3 up failed statement-failed"]);
    deepEqual(readFileSync(file), before);
    db.close();
    await rejects(
      testMigrations(order(set, { passes: ["snapshot"], snapshot: { file, at: "9" } })),
      { code: "snapshot-version-unknown" },
    );
    await rejects(
      testMigrations(order(set, { passes: ["snapshot"], snapshot: { file: `${file}x` } })),
      { code: "database-missing" },
    );
  });

  it("compare an upgraded database with a fresh installation", async () => {
    const two = migration("2", "CREATE INDEX by_email ON customer (email)", "DROP INDEX by_email");
    const fresh = (up: string): TestOrder["fresh"] => ({
      file: "schema.sql",
      scripts: [{ version: "schema.sql", name: "schema.sql", up, transaction: "required" }],
    });
    const set = [BASE, two];
    const same = fresh(
      `${two.up.replace("CREATE", "-- last\nCREATE")}`.replace(/^/, `${BASE.up};`),
    );
    deepEqual(notPassed(await testMigrations(order(set, { fresh: same! }))), []);
    const other = await testMigrations(order(set, { fresh: fresh(BASE.up)! }));
    deepEqual(notPassed(other), ["empty null fresh failed fresh-differs"]);
    equal(
      other.passes[0]!.cases.at(-1)!.failure!.message,
      "Upgraded is not what a fresh installation is: index by_email too much",
    );
    const broken = await testMigrations(order(set, { fresh: fresh("CREATE TABL")! }));
    deepEqual(notPassed(broken), ["empty null fresh failed statement-failed"]);
  });

  it("end when they are stopped, also in the midst of a statement, and leave nothing", async () => {
    const endless = migration(
      "1",
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    );
    const stopping = new AbortController();
    const left = (): string[] => readdirSync(tmpdir()).filter((n) => n.includes("ledger-trial-"));
    const before = left();
    const testing = testMigrations(order([endless], { signal: stopping.signal }));
    setTimeout(() => stopping.abort(new Error("enough")), 400);
    await rejects(testing, /enough/);
    deepEqual(left(), before);
  });

  it("refuse fixtures that belong to nothing or cannot be read", async () => {
    let folders = 0;
    const refused = async (
      file: string,
      text: string | Uint8Array,
      code: string,
    ): Promise<void> => {
      const folder = directory.file(`refused${++folders}`);
      mkdirSync(folder);
      writeFileSync(join(folder, file), text);
      await rejects(readFixtures(folder, ["1", "1.2"]), { code });
    };
    await refused("2.sql", "SELECT 1", "fixture-unknown");
    await refused("1.yaml", "a: 1", "fixture-unknown");
    await refused("1.json", "[1", "fixture-invalid");
    await refused("1.json", '{"t": [{"a": [1]}]}', "fixture-invalid");
    await refused("1.t.csv", 'a,b\n"1', "fixture-invalid");
    await refused("1.sql", new Uint8Array([0xff]), "fixture-invalid");
    await rejects(readFixtures(directory.file("nowhere"), ["1"]), { code: "fixtures-unreadable" });
    const folder = directory.file("dots");
    mkdirSync(folder);
    writeFileSync(join(folder, "1.2.t.csv"), "a\n1\n");
    deepEqual([...(await readFixtures(folder, ["1", "1.2"])).rows.keys()], ["1.2"]);
  });
});
