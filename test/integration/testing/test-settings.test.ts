import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testSettings } from "../../../src/cli/test/settings.ts";
import { inProcess } from "../../support/in-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("what a project always wants of its tests", () => {
  const directory = temporaryDirectory();
  const config = (test: unknown): void =>
    writeFileSync(directory.file("m/schemaledger.config.json"), JSON.stringify({ test }));
  beforeEach(() => mkdirSync(directory.file("m")));

  it("is read from the folder's configuration, with paths from there on", async () => {
    const m = directory.file("m");
    deepEqual(await testSettings(m), {});
    config({ fixtures: "../fixtures", fresh: "full.sql", maxMs: 500, strict: true });
    deepEqual(await testSettings(m), {
      fixtures: directory.file("fixtures"),
      fresh: join(m, "full.sql"),
      maxMs: 500,
      strict: true,
    });
    for (const [wrong, message] of [
      [{ budget: 1 }, /test\.budget: it is not known/],
      [{ maxMs: "500" }, /test\.maxMs: it is no number/],
      [{ rows: -1 }, /test\.rows: it is no number/],
      [{ fresh: "" }, /test\.fresh: it is no path/],
      [[], /test: it is not an object/],
    ] as const) {
      config(wrong);
      await rejects(testSettings(m), { code: "folder-config-invalid", message });
    }
  });

  it("holds unless the command line says otherwise", async () => {
    writeFileSync(directory.file("m/1_a.sql"), "CREATE TABLE a (id INTEGER PRIMARY KEY);");
    config({ rows: 0, strict: true });
    const run = (...args: string[]) => inProcess(["test", "m", ...args], { cwd: directory.path });
    const strict = await run("--json");
    equal(strict.code, 1);
    const { passes } = JSON.parse(strict.stdout);
    deepEqual(
      passes.map(({ name }: { name: string }) => name),
      ["empty"],
    );
    match((await run("--rows", "2")).stdout, /on generated rows/);
  });
});
