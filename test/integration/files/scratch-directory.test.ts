import { deepEqual, equal, rejects } from "node:assert/strict";
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withScratchDirectory } from "../../../src/infra/files/scratch-directory.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** Above what Linux gives to any process. */
const NOBODY = 2 ** 22 + 1;

describe("a scratch directory", () => {
  const directory = temporaryDirectory();

  function left(name: string, hours: number): void {
    const path = directory.file(name);
    mkdirSync(path);
    writeFileSync(join(path, "scratch.db"), "rows");
    const then = new Date(Date.now() - hours * 3600_000);
    utimesSync(path, then, then);
  }

  it("is its user's alone, and gone afterwards, whatever happens", async () => {
    await rejects(
      withScratchDirectory(async (path) => {
        equal(statSync(path).mode & 0o777, 0o700);
        writeFileSync(join(path, "scratch.db"), "rows");
        throw new Error("told on");
      }, directory.path),
      /told on/,
    );
    deepEqual(readdirSync(directory.path), []);
  });

  it("takes along what a process that was killed has left, and nothing else", async () => {
    left(`schemaledger-scratch-${NOBODY}-aaaaaa`, 2);
    left(`schemaledger-scratch-${NOBODY}-bbbbbb`, 0);
    left(`schemaledger-scratch-${process.pid}-cccccc`, 2);
    left("schemaledger-scratch-others", 2);
    await withScratchDirectory(async () => {}, directory.path);
    deepEqual(
      new Set(readdirSync(directory.path)),
      new Set([
        `schemaledger-scratch-${NOBODY}-bbbbbb`,
        `schemaledger-scratch-${process.pid}-cccccc`,
        "schemaledger-scratch-others",
      ]),
    );
  });
});
