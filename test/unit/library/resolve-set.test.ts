import { deepEqual } from "node:assert/strict";
import { checksumOf } from "../../../src/domain/migration/migration.ts";
import {
  inputOf,
  type FileMigration,
  type MigrationSet,
} from "../../../src/domain/migration/migration-source.ts";
import { compareFiles } from "../../../src/library/reconcile-files.ts";
import type { MigrationView } from "../../../src/library/desk.ts";
import { resolveSet } from "../../../src/library/resolve-set.ts";
import { digest } from "../../support/digest.ts";

const file = (version: string, more: Partial<FileMigration> = {}): FileMigration => ({
  version,
  name: version,
  up: `-- ${version}`,
  files: [`${version}.sql`],
  ...more,
});

const known = (from: FileMigration, state: MigrationView["state"] = "applied"): MigrationView => ({
  version: from.version,
  name: from.name,
  checksum: checksumOf(inputOf(from), digest),
  state,
  ...(from.order === undefined ? {} : { order: from.order }),
  ...(from.repeatable === undefined ? {} : { repeatable: from.repeatable }),
});

const setOf = (...migrations: readonly FileMigration[]): MigrationSet => ({
  migrations,
  format: "x",
  because: "x",
  unmatched: [],
});

const versions = (set: MigrationSet): string[] => set.migrations.map(({ version }) => version);

const BASE = file("B5", { baseline: true, order: "5" });
const FILES = setOf(file("4"), BASE, file("5"), file("6"), file("R.v", { repeatable: true }));

describe("Files of a folder, for one database", () => {
  const resolved = async (
    set: MigrationSet,
    registered: readonly MigrationView[] = [],
    empty = true,
  ): Promise<MigrationSet> => resolveSet(set, { registered, isEmpty: () => empty, digest });

  it("begin with the newest baseline where the database is empty", async () => {
    const older = file("B3", { baseline: true, order: "3" });
    const set = await resolved(setOf(file("2"), older, ...FILES.migrations));
    deepEqual(versions(set), ["B5", "6", "R.v"]);
    deepEqual(
      set.unmatched.map((one) => one.file),
      ["2.sql", "B3.sql", "4.sql", "5.sql"],
    );
  });

  it("stay with the baseline that the database began with, newer ones or not", async () => {
    const newer = file("B6", { baseline: true, order: "6" });
    const set = await resolved(setOf(...FILES.migrations, newer), [known(BASE)], false);
    deepEqual(versions(set), ["B5", "6", "R.v"]);
  });

  it("leave baselines out where the database has tables, or other versions are registered", async () => {
    deepEqual(versions(await resolved(FILES, [], false)), ["4", "5", "6", "R.v"]);
    deepEqual(versions(await resolved(FILES, [known(file("4"))])), ["4", "5", "6", "R.v"]);
  });

  it("get the next number when they change after they ran, and only then", async () => {
    const view = (up: string): FileMigration =>
      file("R.v", { up, onChange: true, repeatable: true });
    const first = known(view("a"));
    const second = { ...known(view("b")), version: "R.v.2" };
    const numbered = async (up: string, ...registered: readonly MigrationView[]) =>
      versions(await resolved(setOf(view(up)), registered));
    deepEqual(await numbered("a"), ["R.v"]);
    deepEqual(await numbered("a", first), ["R.v"]);
    deepEqual(await numbered("b", first), ["R.v.2"]);
    deepEqual(await numbered("b", first, second), ["R.v.2"]);
    deepEqual(await numbered("c", first, { ...second, state: "pending" }), ["R.v.2"]);
    // The text from before is no reason not to run.
    deepEqual(await numbered("a", first, second), ["R.v.3"]);
    deepEqual(await numbered("a", first, { ...second, version: "R.v.x" }), ["R.v"]);
  });
});

describe("compareFiles", () => {
  it("finds what is late by place, and nothing late about what runs after all versions", () => {
    const files = [file("a", { order: "1" }), file("z", { order: "2" }), file("b", { order: "3" })];
    const again = file("R.v.2", { repeatable: true, earlier: ["R.v"] });
    const ran = known(file("R.v", { repeatable: true }));
    const registered = [known(files[0]!), known(files[2]!), ran];
    const { pending, late, missing } = compareFiles([...files, again], registered, digest);
    deepEqual(missing, []);
    deepEqual(
      pending.map(({ version }) => version),
      ["z", "R.v.2"],
    );
    deepEqual(
      late.map(({ version }) => version),
      ["z"],
    );
    const upTo = compareFiles([...files, again], registered, digest, "z").pending;
    deepEqual(
      upTo.map(({ version }) => version),
      ["z"],
    );
  });
});
