import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { configure } from "../../../src/infra/sqlite/connection.ts";
import { verdictOn } from "../../../src/infra/sqlite/known-verdicts.ts";
import { createOwnTables } from "../../../src/infra/sqlite/meta.ts";
import { readSchemaRows } from "../../../src/infra/sqlite/schema-rows.ts";
import { classify, type Classification } from "../../../src/infra/sqlite/sql/classify.ts";
import { splitSqlite } from "../../../src/infra/sqlite/sql/split.ts";
import { firstWord } from "../../../src/infra/sqlite/sql/tokens.ts";
import { Dice } from "../../support/random-sql.ts";
import { DDL, SCRIPTS } from "../../support/tree-scripts.ts";

const TARGET = { engine: "sqlite", url: "", databaseId: "d", origin: "o" } as const;

/** A database and what was compiled for a look at a statement. */
class Looked {
  readonly db = new Database(":memory:");
  explained = 0;

  constructor(fill: string) {
    configure(this.db, "scratch");
    this.db.exec(DDL);
    createOwnTables(this.db, { ...TARGET, incarnation: "i" }, 1);
    this.db.exec(fill);
    const prepare = this.db.prepare.bind(this.db);
    this.db.prepare = ((sql: string) => {
      this.explained += sql.startsWith("EXPLAIN") ? 1 : 0;
      return prepare(sql);
    }) as typeof prepare;
  }

  verdictOn(sql: string): Classification {
    const asked = { sql, values: [], isOrdinary: true };
    return verdictOn(this.db, asked, readSchemaRows(this.db));
  }

  /** Each statement as a step would run it; whatever does not fit is left out. */
  follow(scripts: readonly string[], look: (sql: string, place: number) => void): void {
    const statements = scripts.flatMap((script) => splitSqlite(script));
    for (const [place, { sql }] of statements.entries()) {
      if (firstWord(sql) === "PRAGMA") continue;
      try {
        look(sql, place);
        this.db.exec(sql);
      } catch (error) {
        if (!(error instanceof Database.SqliteError)) throw error;
      }
    }
  }
}

/** SQLite drops trees in the order of their pages. */
const inOrder = ({ pages, ...others }: Classification): unknown => ({
  ...others,
  pages: [...new Set(pages)].toSorted((a, b) => a - b),
});

/** Its trees lie elsewhere than those of a database without these rows. */
const OTHERWISE_FILLED = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
  INSERT INTO a (v) SELECT 'a long value, so that there are many pages ' || i FROM n;`;

describe("what is known of a statement", () => {
  it("is what looking at it again says, in a file whose trees lie elsewhere", () => {
    let known = 0;
    let elsewhere = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const dice = new Dice(seed);
      const scripts = Array.from({ length: 30 }, () => dice.pick(SCRIPTS));
      const copy = new Looked("");
      const verdicts = new Map<number, Classification>();
      copy.follow(scripts, (sql, place) => void verdicts.set(place, copy.verdictOn(sql)));
      const real = new Looked(OTHERWISE_FILLED);
      real.follow(scripts, (sql, place) => {
        const before = real.explained;
        const verdict = real.verdictOn(sql);
        if (real.explained === before) known += 1;
        assert.deepEqual(inOrder(verdict), inOrder(classify(real.db, sql)), sql);
        if (verdicts.get(place)?.pages.join() !== verdict.pages.join()) elsewhere += 1;
      });
      copy.db.close();
      real.db.close();
    }
    assert.ok(known > 100, `only ${known} were known`);
    assert.ok(elsewhere > 20, `only ${elsewhere} wrote other pages`);
  });

  it("is looked at again when the schema is another one of the same version", () => {
    const one = new Looked("CREATE TABLE target (x)");
    const other = new Looked("CREATE TABLE target (x UNIQUE)");
    assert.equal(one.verdictOn("INSERT INTO target VALUES (1)").pages.length, 1);
    assert.equal(other.verdictOn("INSERT INTO target VALUES (1)").pages.length, 2);
  });

  it("does not hold for a connection with temporary objects or other settings", () => {
    const looked = new Looked("CREATE TABLE target (x)");
    const { db } = looked;
    const schema = readSchemaRows(db);
    const sql = "INSERT INTO target VALUES (2)";
    const asked = { sql, values: [] };
    const before = verdictOn(db, { ...asked, isOrdinary: true }, schema);
    assert.deepEqual(verdictOn(db, { ...asked, isOrdinary: true }, schema), before);
    assert.equal(looked.explained, 1);
    db.exec("CREATE TEMP TRIGGER t AFTER INSERT ON target BEGIN DELETE FROM a; END");
    const now = verdictOn(db, { ...asked, isOrdinary: false }, schema);
    assert.deepEqual(before.writes, ["target"]);
    assert.ok(now.writes.includes("a"));
  });
});
