import assert from "node:assert/strict";
import { ManagedPostgres } from "../../support/postgres/managed-postgres.ts";
import { MAJORS } from "../../support/postgres/programs.ts";
import { postgresServer, stopPostgresServers } from "../../support/postgres/server.ts";

/** A schema with something of every kind. */
const SCHEMA = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE pair AS (a int, b text);
CREATE SCHEMA "Odd name";
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail email NOT NULL, feels mood DEFAULT 'ok',
  two pair, twice int GENERATED ALWAYS AS (1 + 1) STORED, UNIQUE (mail));
CREATE TABLE "Odd name"."order" ("select" serial, user_id int REFERENCES users, CHECK ("select" > 0));
CREATE TABLE measures (at date NOT NULL, value int) PARTITION BY RANGE (at);
CREATE TABLE measures_2026 PARTITION OF measures FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX users_feels ON users (feels) WHERE feels = 'sad';
CREATE VIEW sad AS SELECT * FROM users WHERE feels = 'sad';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE nothing AS ON DELETE TO measures_2026 DO INSTEAD NOTHING;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users FOR SELECT USING (id = 1);
CREATE EXTENSION pg_trgm`;

/** Each must change the fingerprint. */
const CHANGES = [
  "ALTER TABLE users ALTER feels SET DEFAULT 'sad'",
  "ALTER TABLE users ALTER mail DROP NOT NULL",
  "ALTER TABLE measures ADD CHECK (value > 0)",
  "ALTER TYPE mood ADD VALUE 'great'",
  "ALTER POLICY own ON users USING (id = 2)",
  "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
  "ALTER TABLE users DISABLE TRIGGER touched",
  "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN old; END $$",
  "CREATE OR REPLACE VIEW sad AS SELECT * FROM users WHERE feels <> 'ok'",
  'ALTER SEQUENCE "Odd name".order_select_seq INCREMENT 2',
  "ALTER DOMAIN email DROP CONSTRAINT email_check",
  "DROP RULE nothing ON measures_2026",
  "ALTER TABLE measures DETACH PARTITION measures_2026",
  "ALTER TABLE users RENAME twice TO double",
  "DROP INDEX users_feels",
  "ALTER TABLE users SET (fillfactor = 70)",
  "CREATE EXTENSION citext",
  "ALTER TYPE pair ADD ATTRIBUTE c int",
  "CREATE SCHEMA more",
  'DROP TABLE "Odd name"."order"',
];

/** None of these may. */
const OTHERS = [
  "COMMENT ON TABLE users IS 'people'",
  "GRANT SELECT ON users TO public",
  "INSERT INTO users (mail) VALUES ('a@b')",
  "ALTER TABLE users ADD gone int; ALTER TABLE users DROP gone",
  "ANALYZE users",
  "ALTER DATABASE {} SET search_path = public, pg_catalog",
];

describe("the fingerprint of a PostgreSQL schema", () => {
  after(stopPostgresServers);

  it("changes with the schema and with nothing else", async () => {
    const database = await ManagedPostgres.create(await postgresServer(15), SCHEMA);
    const now = async (): Promise<string> => (await database.engine.schema()).fingerprint;
    let before = await now();
    for (const sql of OTHERS) {
      const name = database.target.url.split("/").at(-1)!;
      for (const one of sql.replace("{}", name).split("; ")) await database.rows(one);
      assert.equal(await now(), before, sql);
    }
    for (const sql of CHANGES) {
      await database.rows(sql);
      const after = await now();
      assert.notEqual(after, before, sql);
      before = after;
    }
    await database.close();
  });

  it("is the same on both versions, but for the texts of views", async () => {
    const seen = new Set<string>();
    for (const major of MAJORS) {
      const database = await ManagedPostgres.create(await postgresServer(major), SCHEMA);
      await database.rows("DROP VIEW sad");
      seen.add((await database.engine.schema()).fingerprint);
      await database.close();
    }
    assert.equal(seen.size, 1);
  });

  it("comes with objects that say what there is", async () => {
    const database = await ManagedPostgres.create(await postgresServer(18), SCHEMA);
    const { schema } = await database.engine.schema();
    const of = (type: string): string[] =>
      schema.filter((one) => one.type === type).map(({ name }) => name);
    assert.deepEqual(of("table"), [
      '"Odd name"."order"',
      "public.measures",
      "public.measures_2026",
      "public.users",
    ]);
    assert.deepEqual(of("view"), ["public.counted", "public.sad"]);
    assert.deepEqual(of("index"), ["public.users_feels"]);
    assert.deepEqual(of("policy"), ["public.users.own"]);
    assert.deepEqual(of("trigger"), ["public.users.touched"]);
    assert.deepEqual(of("extension"), ["pg_trgm"]);
    const users = schema.find(({ name, type }) => name === "public.users" && type === "table")!;
    assert.match(users.sql, /mail public\.email NOT NULL/);
    assert.match(users.sql, /CONSTRAINT users_pkey PRIMARY KEY \(id\)/);
    assert.equal(users.columns?.find(({ name }) => name === "twice")?.generated, "stored");
    assert.equal(users.columns?.find(({ name }) => name === "id")?.primaryKey, 1);
    await database.close();
  });
});
