import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { stepsLeftOut } from "../../../src/library/left-out-steps.ts";
import { leftOutVersion } from "../../../src/infra/migration-files/left-out-steps.ts";
import type { MigrationView } from "../../../src/library/desk.ts";
import { inProcess } from "../../support/in-process.ts";
import type { Ended } from "../../support/service-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("steps that cannot be run", () => {
  const directory = temporaryDirectory();
  const run = (...args: string[]): Promise<Ended> =>
    inProcess([...args, "--data", "data"], { cwd: directory.path });
  const file = (name: string, text: string): void => writeFileSync(directory.file(name), text);

  it("are told by their names", () => {
    for (const [name, version] of [
      ["00012_backfill.go", "00012"],
      ["db/V2.1__Fill.java", "2.1"],
      ["20240101_users/data.ts", "20240101"],
      ["78/03_validate.py", "03"],
    ] as const)
      equal(leftOutVersion(name), version, name);
    for (const name of ["custom_migration.go", "__init__.py", "12_notes.md", "embed.go", "2_a.sql"])
      equal(leftOutVersion(name), undefined, name);
  });

  it("are not missed where another tool has run them", () => {
    const set = { unmatched: [{ file: "0012_backfill.go", reason: "", step: "0012" }] };
    const known = (version: string, state: MigrationView["state"]): MigrationView[] => [
      { version, name: "", checksum: null, state },
    ];
    deepEqual(stepsLeftOut(set, known("12", "applied")), []);
    deepEqual(stepsLeftOut(set, known("12", "pending")), set.unmatched);
    deepEqual(stepsLeftOut(set, known("11", "applied")), set.unmatched);
  });

  it("stop a migration until somebody says that they need not run", async () => {
    mkdirSync(directory.file("m"));
    file("m/1_orders.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);");
    file("m/2_backfill.go", "package migrations");
    const dry = await run("migrate", "shop.db", "m", "--dry-run");
    equal(dry.code, 1);
    match(dry.stdout, /2_backfill\.go is a step that cannot be run/);
    const refused = await run("migrate", "shop.db", "m");
    equal(refused.code, 2, refused.stdout);
    match(refused.stderr, /2_backfill\.go[^]*"ignore"/);
    file("m/schemaledger.config.json", '{"migrations": {"ignore": {"2_.*": "only for old data"}}}');
    equal((await run("migrate", "shop.db", "m")).code, 0);
    file("m/schemaledger.config.json", "{}");
    equal((await run("migrate", "shop.db", "m")).code, 2);
  });
});
