import assert from "node:assert/strict";
import { ManagedPostgres } from "../../support/postgres/managed-postgres.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { postgresServer, stopPostgresServers } from "../../support/postgres/server.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE users (id int PRIMARY KEY, name text, parent int REFERENCES parents ON DELETE CASCADE);
INSERT INTO parents VALUES (1), (2); INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2)`;

for (const major of MAJORS)
  describe(`a step on PostgreSQL ${major}`, () => {
    let database: ManagedPostgres;

    beforeEach(async () => {
      database = await ManagedPostgres.create(await postgresServer(major), DDL);
    });
    afterEach(() => database.close());
    after(stopPostgresServers);

    it("is applied with its marker, and says what it did", async () => {
      const before = await database.engine.schema();
      const result = done(
        await database.apply(
          "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME name TO label; INSERT INTO people VALUES (4, 'é', 2); CREATE INDEX people_label ON people (label)",
          { version: "0001" },
        ),
      );
      const after = await database.engine.schema();
      assert.equal(result.fingerprintBefore, before.fingerprint);
      assert.equal(result.fingerprintAfter, after.fingerprint);
      assert.deepEqual(after.applied, ["0001"]);
      assert.deepEqual(result.renames, {
        tables: [{ from: "public.users", to: "public.people" }],
        columns: [{ table: "public.people", from: "name", to: "label" }],
      });
      assert.deepEqual(result.rows, [{ table: "public.people", before: 3, after: 4 }]);
      assert.equal(result.statements, 4);
      assert.ok(
        result.schemaChanges.some(
          ({ type, name }) => type === "index" && name === "public.people_label",
        ),
      );
    });

    it("leaves nothing when a statement fails", async () => {
      const before = await database.engine.schema();
      const result = failure(
        await database.apply("CREATE TABLE n (x int); INSERT INTO n VALUES ('secret')"),
      );
      assert.equal(result.state, "unchanged");
      assert.equal(result.error.statement, 2);
      assert.equal(result.error.code, "statement-failed");
      assert.ok(!result.error.message.includes("secret"), result.error.message);
      assert.equal((await database.engine.schema()).fingerprint, before.fingerprint);
    });

    it("fails when rows go that nobody declared, also by a cascade", async () => {
      const result = failure(await database.apply("DELETE FROM parents WHERE id = 1"));
      assert.deepEqual(
        result.findings.map(({ code, table }) => [code, table]),
        [
          ["rows-lost", "public.parents"],
          ["rows-lost", "public.users"],
        ],
      );
      assert.equal(await database.value("SELECT count(*) FROM users"), "3");
      done(
        await database.apply("DELETE FROM parents WHERE id = 1", {
          allow: { rowLoss: ["parents", "public.users"] },
        }),
      );
      assert.equal(await database.value("SELECT count(*) FROM users"), "1");
    });

    for (const [how, sql] of [
      ["TRUNCATE", "TRUNCATE users"],
      ["TRUNCATE in a DO block", "DO $$ BEGIN EXECUTE 'TRUNCATE users'; END $$"],
      [
        "a rebuild",
        "CREATE TABLE n (LIKE users); INSERT INTO n SELECT * FROM users LIMIT 1; DROP TABLE users; ALTER TABLE n RENAME TO users",
      ],
    ] as const)
      it(`fails when rows go by ${how}`, async () => {
        const result = failure(await database.apply(sql));
        assert.equal(result.error.code, "rows-lost", JSON.stringify(result));
        assert.equal(await database.value("SELECT count(*) FROM users"), "3");
      });

    it("tells rows that move between partitions from rows that go", async () => {
      const parts =
        "CREATE TABLE m (at int, v int) PARTITION BY RANGE (at); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10); CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (10) TO (20)";
      done(await database.apply(`${parts}; INSERT INTO m VALUES (1, 1), (2, 2), (11, 3)`));
      done(await database.apply("UPDATE m SET at = at + 10 WHERE at = 1"));
      assert.equal(
        failure(await database.apply("DELETE FROM m WHERE at > 10")).error.code,
        "rows-lost",
      );
    });

    it("does not count what others do meanwhile", async () => {
      const faults = async (point: string): Promise<void> => {
        if (point === "statement:2") await database.rows("DELETE FROM users WHERE id = 3");
      };
      const request = await database.request(
        "UPDATE users SET name = name WHERE id = 1; INSERT INTO users VALUES (9, 'x', 2)",
      );
      const [result] = await database.newEngine(faults).applySteps([request]);
      done(result!);
    });

    it("checks what it deferred, and its verify script", async () => {
      const sql =
        "CREATE TABLE c (p int REFERENCES parents DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (99)";
      assert.match(failure(await database.apply(sql)).error.message, /23503/);
      const verify = "SELECT count(*) = 4 FROM users";
      const wrong = failure(await database.apply("UPDATE users SET name = 'z'", { verify }));
      assert.equal(wrong.error.code, "verify-failed");
      const writes = "WITH d AS (DELETE FROM users RETURNING 1) SELECT count(*) = 3 FROM d";
      failure(await database.apply("UPDATE users SET name = 'z'", { verify: writes }));
      assert.equal(await database.value("SELECT count(*) FROM users"), "3");
      done(
        await database.apply("UPDATE users SET name = 'z'", {
          verify: "SELECT count(*) = 3 FROM users",
        }),
      );
    });

    it("needs the schema, the markers and the fence that the ledger believes", async () => {
      const drift = failure(await database.apply("SELECT 1", { expectedBefore: "sha256:other" }));
      assert.equal(drift.error.code, "drift");
      const markers = failure(await database.apply("SELECT 1", { appliedBefore: ["0001"] }));
      assert.equal(markers.error.code, "markers-differ");
      done(await database.apply("CREATE TABLE x ()", { token: 1000 }));
      const fenced = failure(await database.apply("CREATE TABLE y ()", { token: 999 }));
      assert.equal(fenced.error.code, "fenced");
      const other = failure(
        await database.apply("CREATE TABLE y ()", { token: 1001, expectedAfter: "sha256:z" }),
      );
      assert.equal(other.error.code, "fingerprint-differs");
      assert.deepEqual(await database.rows("SELECT fence FROM schemaledger.schemaledger_meta"), [
        ["1000"],
      ]);
    });

    it("leaves no setting behind for the next one", async () => {
      done(
        await database.apply(
          "SET TimeZone = 'Asia/Tokyo'; CREATE TEMP TABLE tmp (x int); SET search_path = pg_catalog",
        ),
      );
      const sql =
        "CREATE TABLE tz AS SELECT current_setting('TimeZone') AS zone, to_regclass('pg_temp.tmp') IS NULL AS gone";
      done(await database.apply(sql));
      assert.notEqual(await database.value("SELECT zone FROM public.tz"), "Asia/Tokyo");
      assert.equal(await database.value("SELECT gone FROM public.tz"), true);
    });
  });
