import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { renameSync, symlinkSync } from "node:fs";
import { readAdoption, type AdoptionOrder } from "../../../src/domain/adoption/adoption-reader.ts";
import { DomainError } from "../../../src/domain/shared/errors.ts";
import { NodeDigest } from "../../../src/infra/signing/node-digest.ts";
import { SqliteDialect } from "../../../src/infra/sqlite/sql/sqlite-dialect.ts";
import { UuidIds } from "../../../src/infra/system/uuid-ids.ts";
import { ManagedDatabase, Workspace } from "../../support/managed-database.ts";
import { DAMAGED, HISTORIES, NO_HISTORIES } from "../../support/tool-histories.ts";

const parts = {
  dialects: () => new SqliteDialect(),
  digest: new NodeDigest(),
  ids: new UuidIds(),
};

const nothingKnown = {
  name: "shop",
  engine: "sqlite" as const,
  fingerprint: null,
  schema: [],
  migrations: new Map(),
  histories: new Map(),
};

describe("other tools' histories", () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  async function read(database: ManagedDatabase, order: AdoptionOrder) {
    const { tool, table } = order;
    const found = await database.engine.histories({
      registered: false,
      ...(tool === undefined ? {} : { tool }),
      ...(table === undefined ? {} : { table }),
    });
    return readAdoption(parts, nothingKnown, found, order);
  }

  const databaseOf = (sql: string) => new ManagedDatabase(workspace, "delete", sql);

  const adopted = (sql: string, order: AdoptionOrder = {}) => read(databaseOf(sql), order);

  for (const [name, { tool, sql, says, open = [] }] of Object.entries(HISTORIES))
    it(`are read as they are: ${name}`, async () => {
      const { adoption, outcome } = await adopted(sql);
      const rows = adoption.facts.tables.flatMap((one) => one.rows);
      assert.deepEqual(
        rows.map(({ version = null, state, inForce, claimed }) =>
          [version, state, inForce, claimed.at, claimed.by].map(String),
        ),
        says.map(([version, state, inForce, at, by]) =>
          [version, state, inForce, at, by].map(String),
        ),
      );
      assert.deepEqual(
        adoption.facts.tables.map(({ history }) => history.tool),
        [tool],
      );
      const errors = adoption.findings.filter(({ severity }) => severity === "error");
      assert.deepEqual(
        errors.map(({ code }) => code),
        open,
      );
      assert.ok(errors.every(({ hint }) => hint !== undefined));
      assert.equal(outcome, open.length > 0 ? "undecided" : "adopted");
    });

  for (const [name, { sql, code }] of Object.entries(NO_HISTORIES))
    it(`are not seen in ${name}`, async () => {
      await assert.rejects(adopted(sql), (error: unknown) => {
        assert.ok(error instanceof DomainError);
        assert.equal(error.code, "history-not-found");
        const findings = error.details["findings"] as { code: string }[];
        assert.deepEqual(
          findings.map((finding) => finding.code),
          code === null ? [] : [code],
        );
        return true;
      });
    });

  for (const [name, sql] of Object.entries(DAMAGED))
    it(`are refused with ${name}`, async () => {
      const { adoption, outcome } = await adopted(sql, { confirmUnlocked: true });
      assert.equal(outcome, "undecided");
      assert.ok(adoption.findings.some(({ code }) => code === "history-damaged"));
    });

  it("are known under another name only when somebody says so", async () => {
    const database = databaseOf(
      "CREATE TABLE my_migrations (name TEXT PRIMARY KEY); INSERT INTO my_migrations VALUES ('01-a.js')",
    );
    await assert.rejects(read(database, {}));
    const { adoption } = await read(database, { tool: "umzug", table: "my_migrations" });
    assert.deepEqual(
      adoption.facts.tables[0]!.rows.map(({ version }) => version),
      ["01"],
    );
  });

  it("are found in Sqitch's file beside the database, but not through a link", async () => {
    const beside = new Database(workspace.path("elsewhere.db"));
    beside.exec(HISTORIES["sqitch, everything undone"]!.sql);
    beside.close();
    symlinkSync(workspace.path("elsewhere.db"), workspace.path("sqitch.db"));
    const database = databaseOf("CREATE TABLE users (id)");
    await assert.rejects(read(database, {}));
    renameSync(workspace.path("elsewhere.db"), workspace.path("sqitch.db"));
    const { adoption } = await read(database, {});
    const [table] = adoption.facts.tables;
    assert.equal(table!.history.beside, "sqitch.db");
  });

  it("of two tools that have the same version are not merged", async () => {
    const database = databaseOf(`${HISTORIES["dbmate"]!.sql} ${HISTORIES["knex"]!.sql}`);
    const { adoption, outcome } = await read(database, {});
    assert.equal(outcome, "undecided");
    assert.ok(adoption.findings.some(({ code }) => code === "histories-collide"));
    assert.equal((await read(database, { tool: "knex" })).outcome, "adopted");
  });

  it("keep integers and bytes whole that JSON cannot hold", async () => {
    const { adoption } = await adopted(
      `CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (9223372036854775807, 0);`,
    );
    const [row] = adoption.facts.tables[0]!.rows;
    assert.deepEqual(row!.row, { version: { integer: "9223372036854775807" }, dirty: 0 });
    assert.equal(row!.version, "9223372036854775807");
  });
});
