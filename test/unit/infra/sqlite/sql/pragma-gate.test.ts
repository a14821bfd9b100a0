import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { gatePragma } from "../../../../../src/infra/sqlite/sql/pragma-gate.ts";
import { splitSqlite } from "../../../../../src/infra/sqlite/sql/split.ts";
import { firstWord } from "../../../../../src/infra/sqlite/sql/tokens.ts";
import { Dice } from "../../../../support/random-sql.ts";

const refused =
  "journal_mode=wal|journal_mode(wal)|synchronous=off|locking_mode=exclusive|page_size=512|auto_vacuum=1|encoding='UTF-16'|wal_checkpoint|wal_checkpoint(truncate)|schema_version=3|query_only=0|ignore_check_constraints=1|trusted_schema=0|case_sensitive_like=1|case_sensitive_like|max_page_count=5|mmap_size=0|temp_store=2|temp_store_directory='/x'|soft_heap_limit=1|hard_heap_limit=1|busy_timeout=1|secure_delete=1|writable_schema=ON|writable_schema=RESET|cache_size=-2000|unheard_of|unheard_of=1|other.user_version=1|temp.user_version=1|user_version=1; COMMIT|user_version=1 2|user_version=(1)|user_version=|user_version=?1|a.b.c=1||=|user_version(1|1=2".split(
    "|",
  );
const run =
  "table_info(t)|main.table_info('t')|TABLE_XINFO([t])|table_list|index_list(t)|foreign_key_check|foreign_key_check(t)|foreign_key_list(t)|integrity_check|quick_check(1)|page_count|user_version|user_version=3|user_version(3)|user_version=-3|main.user_version = 3;|temp.user_version|application_id=0x1F|\"application_id\"=1|optimize|optimize(0x10002)|incremental_vacuum(5)|incremental_vacuum|journal_mode|synchronous;|writable_schema|foreign_keys|defer_foreign_keys".split(
    "|",
  );
const tainting =
  "defer_foreign_keys=ON|legacy_alter_table=1|recursive_triggers(0)|Legacy_Alter_Table = 'on'".split(
    "|",
  );
const skipped =
  "foreign_keys=OFF|foreign_keys(0)|main.foreign_keys = 'off'|temp.foreign_keys=1|\"Foreign_Keys\"=ON|[foreign_keys]/* x */= no ;|foreign_keys=+1".split(
    "|",
  );

describe("gatePragma", () => {
  for (const [action, taints, pragmas] of [
    ["refuse", false, refused],
    ["run", false, run],
    ["run", true, tainting],
    ["skip", false, skipped],
  ] as const)
    for (const pragma of pragmas)
      it(`answers ${action}${taints ? " with taint" : ""} to PRAGMA ${pragma}`, () => {
        const verdict = gatePragma(`PRAGMA ${pragma}`);
        assert.equal(verdict.action, action);
        assert.equal(verdict.taints, taints);
        assert.equal(verdict.reason !== undefined && verdict.hint !== undefined, action !== "run");
      });

  it("folds the name and leaves out the schema", () => {
    assert.equal(gatePragma('PRAGMA main."User_Version"=1').name, "user_version");
  });

  it("reads what stands behind comments, a byte order mark and EXPLAIN", () => {
    assert.equal(
      gatePragma("\ufeff;/* x */ explain query plan PRAGMA foreign_keys=0").action,
      "skip",
    );
  });

  it("overlooks no text by which SQLite changes the setting", () => {
    const db = new Database(":memory:");
    const dice = new Dice(99);
    const blank = (): string =>
      Array.from({ length: dice.roll(4) }, () => dice.pick(BLANKS)).join("");
    let changed = 0;
    for (let text = 0; text < 1_500; text++) {
      const name = `${dice.pick(SCHEMAS)}${blank()}${dice.pick(NAMES)}`;
      const sql = `${blank()}${dice.pick(LEADS)}${blank()}${dice.pick(["PRAGMA", "pragma", "Pragma"])}${blank()} ${name}${blank()}${dice.pick(VALUES)}${blank()}`;
      for (const piece of splitSqlite(sql)) {
        db.pragma("foreign_keys = ON");
        try {
          db.exec(piece.sql);
        } catch {
          // Much of this is no SQL; what matters is whether the setting changed.
        }
        if (db.pragma("foreign_keys", { simple: true }) === 1) continue;
        changed++;
        assert.equal(firstWord(piece.sql), "PRAGMA", JSON.stringify(sql));
        assert.notEqual(gatePragma(piece.sql).action, "run", JSON.stringify(sql));
      }
    }
    db.close();
    assert.ok(changed > 200, `${changed} changes`);
  });
});

const BLANKS = [" ", "\t", "\v", "\f", "\r\n", "\ufeff", "/**/", "/*;'*/", "-- x\n", ";", "\u00a0"];
const LEADS = [
  "",
  "",
  "",
  "EXPLAIN ",
  "explain query plan ",
  "EXPLAIN/**/QUERY\nPLAN\t",
  "EXPLAIN EXPLAIN ",
];
const SCHEMAS = ["", "", "main.", "temp .", '"main".', "[temp]."];
const NAMES = [
  "foreign_keys",
  '"foreign_keys"',
  "'Foreign_Keys'",
  "[FOREIGN_KEYS]",
  "`foreign_keys`",
];
const VALUES = [
  "=OFF",
  "= 0",
  "(0)",
  "('off')",
  "=-0",
  "= +0",
  '="no"',
  "= 0;",
  "=/**/false",
  "=x'00'",
];
