import { deepEqual, equal, match } from "node:assert/strict";
import { preconditionsOf } from "../../../src/infra/migration-files/liquibase-preconditions.ts";
import { linted } from "../../support/lint.ts";

const HALT = "--preconditions onFail:HALT onError:HALT";

describe("preconditions of Liquibase", () => {
  /** The errors of a step that they stand before, on a table with two rows and a view. */
  async function failures(...lines: string[]): Promise<string[]> {
    const found = preconditionsOf("ann:1", lines);
    const guards = "guards" in found ? found.guards : [];
    equal(guards.length > 0, true);
    const up = [...guards, "CREATE TABLE made (id INTEGER PRIMARY KEY);"].join("\n");
    const rows = `CREATE TABLE Orders (id INTEGER PRIMARY KEY); INSERT INTO Orders VALUES (1), (2);
      CREATE VIEW open AS SELECT * FROM Orders`;
    const findings = await linted({ scripts: [up], rows });
    return findings
      .filter(({ severity }) => severity === "error")
      .map(({ message, hint }) => `${message} ${hint}`);
  }

  it("stop the step where they do not hold", async () => {
    deepEqual(
      await failures(
        HALT,
        "--precondition-sql-check expectedResult:2 SELECT count(*) FROM orders;",
      ),
      [],
    );
    deepEqual(
      await failures(
        '--precondition-sql-check expectedResult:"1" SELECT min(id) FROM orders -- the first',
      ),
      [],
    );
    deepEqual(
      await failures(
        "--precondition-table-exists table:orders",
        "--precondition-view-exists view:open",
      ),
      [],
    );
    for (const lines of [
      [HALT, "--precondition-sql-check expectedResult:0 SELECT count(*) FROM orders"],
      ["--precondition-sql-check expectedResult:1 SELECT 1 WHERE 0"],
      [HALT, "--precondition-table-exists table:orders", "--precondition-table-exists table:it's"],
      ["--precondition-view-exists view:orders"],
    ])
      match((await failures(...lines)).join(), /bad JSON path[^]*preconditions: one does not hold/);
  });

  it("only warn where they say so, and are refused where they would pass the changeset over", () => {
    deepEqual(preconditionsOf("ann:1", ["--preconditions onFail:WARN"]), { warned: true });
    for (const lines of [
      ["--preconditions onFail:MARK_RAN", "--precondition-table-exists table:a"],
      ["--preconditions onFail:continue"],
      ["--preconditions onError:MARK_RAN"],
      ["--precondition-column-exists table:a column:b"],
      ["--precondition-sql-check SELECT 1"],
    ])
      equal("unsupported" in preconditionsOf("ann:1", lines), true, lines.join());
    deepEqual(preconditionsOf("ann:1", []), { guards: [] });
  });
});
