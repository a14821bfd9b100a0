import assert from "node:assert/strict";
import type { SchemaObject } from "../../../../../src/domain/schema/schema.ts";
import { definitionOf } from "../../../../../src/infra/sqlite/sql/definition.ts";

const table = (sql: string): SchemaObject => ({ type: "table", name: "t", table: "t", sql });

const shown = (sql: string): string[] =>
  definitionOf(table(sql)).constraints.map(
    ({ kind, name, column, text }) => `${column ?? "-"} ${kind} ${name ?? "-"}: ${text}`,
  );

describe("definitionOf", () => {
  it("finds every constraint of a column", () => {
    assert.deepEqual(
      shown(
        "CREATE TABLE t (a INTEGER CONSTRAINT pk PRIMARY KEY AUTOINCREMENT, b TEXT NOT NULL DEFAULT 'x' CHECK (length(b) > 0 AND b NOT NULL) UNIQUE ON CONFLICT IGNORE, c REFERENCES u (x) ON DELETE SET NULL ON UPDATE SET DEFAULT NOT DEFERRABLE NULL)",
      ),
      [
        "a primary-key pk: PRIMARY KEY AUTOINCREMENT",
        "b not-null -: NOT NULL",
        "b check -: CHECK (length(b) > 0 AND b NOT NULL)",
        "b unique -: UNIQUE ON CONFLICT IGNORE",
        "c foreign-key -: REFERENCES u (x) ON DELETE SET NULL ON UPDATE SET DEFAULT NOT DEFERRABLE",
      ],
    );
  });

  it("finds constraints of the table, also without commas between them", () => {
    assert.deepEqual(
      shown(
        'CREATE TABLE t(a, "check" int, PRIMARY KEY (a, "check") CONSTRAINT "unique" UNIQUE (a) CHECK (a <> ")"), FOREIGN KEY (a) REFERENCES u (b) ON DELETE CASCADE) STRICT',
      ),
      [
        '- primary-key -: PRIMARY KEY (a, "check")',
        "- unique unique: UNIQUE (a)",
        '- check -: CHECK (a <> ")")',
        "- foreign-key -: FOREIGN KEY (a) REFERENCES u (b) ON DELETE CASCADE",
      ],
    );
  });

  it("takes no clause of another for a constraint", () => {
    assert.deepEqual(
      shown(
        "CREATE TABLE t (a DEFAULT NULL, b INT GENERATED ALWAYS AS (a NOT NULL) STORED, c TEXT COLLATE NOCASE DEFAULT (1 NOT NULL), d DEFAULT -1)",
      ),
      [],
    );
  });

  it("gives the columns in order, equal for every spelling", () => {
    const one = definitionOf(table('CREATE TABLE t ("A" integer /* n */ not null, b)'));
    const other = definitionOf(table("create table T (a INTEGER NOT NULL,\n b)"));
    assert.deepEqual(
      one.columns.map(({ meaning }) => meaning),
      other.columns.map(({ meaning }) => meaning),
    );
    assert.deepEqual(one.meaning, other.meaning);
  });

  it("reads a virtual table's columns from the catalogue", () => {
    const columns = [{ name: "x", type: "", notNull: false, default: null, primaryKey: 0 }];
    const { columns: found } = definitionOf({
      ...table("CREATE VIRTUAL TABLE t USING fts5(x, tokenize = 'trigram')"),
      columns,
    });
    assert.deepEqual(
      found.map(({ name }) => name),
      ["x"],
    );
  });
});
