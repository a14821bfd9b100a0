import assert from "node:assert/strict";
import { ManagedPostgres } from "../../support/postgres/managed-postgres.ts";
import { postgresServer, stopPostgresServers } from "../../support/postgres/server.ts";
import { done, failure } from "../../support/step-results.ts";

const DDL = `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2);
CREATE PROCEDURE leave() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; COMMIT; END $$`;

const META = "schemaledger.schemaledger_meta";
const MARKER = "schemaledger.schemaledger_marker";

/** What a script may try, and the code with which it fails. */
const ATTEMPTS: readonly (readonly [string, string, string])[] = [
  [
    "ends the transaction in a DO block",
    "DO $$ BEGIN DELETE FROM t; COMMIT; END $$",
    "statement-failed",
  ],
  ["ends it by EXECUTE", "DO $$ BEGIN EXECUTE 'COMMIT'; END $$", "statement-failed"],
  ["ends it in a procedure", "CALL leave()", "statement-failed"],
  ["deletes rows in a DO block", "DO $$ BEGIN DELETE FROM t; END $$", "rows-lost"],
  [
    "deletes rows by a function",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1'; SELECT f()",
    "rows-lost",
  ],
  [
    "deletes rows by a trigger",
    "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN new; END $$; CREATE TABLE u (x int); CREATE TRIGGER d AFTER INSERT ON u FOR EACH ROW EXECUTE FUNCTION g(); INSERT INTO u VALUES (1)",
    "rows-lost",
  ],
  [
    "deletes rows with a rule",
    "CREATE TABLE u (x int); CREATE RULE r AS ON INSERT TO u DO INSTEAD DELETE FROM t; INSERT INTO u VALUES (1)",
    "rows-lost",
  ],
  [
    "renames the table and makes it anew",
    "ALTER TABLE t RENAME TO old; CREATE TABLE t (id int); DROP TABLE old",
    "rows-lost",
  ],
  ["moves the fence", `DO $$ BEGIN EXECUTE 'UPDATE ${META} SET fence = 0'; END $$`, "tampering"],
  [
    "forges a marker",
    `DO $$ BEGIN EXECUTE 'INSERT INTO ${MARKER} SELECT gen_random_uuid(), ''done'', ''9'', '''', '''', 1, decode(repeat(''ab'', 32), ''hex''), null, null, now()'; END $$`,
    "tampering",
  ],
  ["removes markers by TRUNCATE", `DO $$ BEGIN EXECUTE 'TRUNCATE ${MARKER}'; END $$`, "tampering"],
  [
    "puts a trigger on the markers",
    `DO $$ BEGIN EXECUTE 'CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN null; END''; CREATE TRIGGER x BEFORE INSERT ON ${MARKER} FOR EACH ROW EXECUTE FUNCTION h()'; END $$`,
    "tampering",
  ],
  [
    "drops the own schema",
    "DO $$ BEGIN EXECUTE 'DROP SCHEMA schemaledger CASCADE'; END $$",
    "tampering",
  ],
];

describe("hostile SQL on PostgreSQL", () => {
  let database: ManagedPostgres;

  before(async () => {
    database = await ManagedPostgres.create(await postgresServer(15), DDL);
  });
  after(async () => {
    await database.close();
    await stopPostgresServers();
  });

  for (const [what, sql, code] of ATTEMPTS)
    it(`${what}: ${code}`, async () => {
      const before = await database.engine.schema();
      const markers = await database.rows(`SELECT * FROM ${MARKER}`);
      const result = failure(await database.apply(sql));
      assert.deepEqual(
        [result.error.code, result.state],
        [code, "unchanged"],
        result.error.message,
      );
      assert.equal(await database.value("SELECT count(*) FROM t"), "2");
      assert.deepEqual(await database.rows(`SELECT * FROM ${MARKER}`), markers);
      assert.equal((await database.engine.schema()).fingerprint, before.fingerprint);
    });

  it("shadows what the checks use: they do not see it", async () => {
    const shadow = `CREATE SCHEMA evil; CREATE FUNCTION evil.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
      CREATE VIEW evil.pg_class AS SELECT 1 AS oid; SET search_path = evil, pg_catalog, public; SET ROLE pg_monitor; RESET ROLE`;
    done(await database.apply(shadow, { version: "shadow" }));
    const { applied } = await database.engine.schema();
    assert.ok(applied.includes("shadow"));
    const gone = failure(
      await database.apply("SET search_path = evil, pg_catalog, public; DELETE FROM t"),
    );
    assert.equal(gone.error.code, "rows-lost");
  });

  it("gives its rights away: the marker is written all the same", async () => {
    const sql = "SET ROLE pg_read_all_data";
    done(await database.apply(sql, { version: "role" }));
    assert.ok((await database.engine.schema()).applied.includes("role"));
  });

  it("takes away what was prepared: the next step is none the worse", async () => {
    done(await database.apply("DEALLOCATE ALL; PREPARE x AS SELECT 1"));
    done(await database.apply("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"));
    done(await database.apply("CREATE TABLE after_all ()"));
  });
});
