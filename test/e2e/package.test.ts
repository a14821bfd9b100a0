import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, textOf } from "../support/repository.ts";
import { endProcessesAfterEach, start } from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** The program that README shows for applications. */
const [, PROGRAM] = /^```ts\n([\s\S]*?)^```$/m.exec(textOf("README.md"))!;

const STRICT = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "es2023",
    types: ["node"],
  },
  include: ["app.ts"],
};

describe("The package", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();

  it("has the program, its types and its pages, and works in an application", async () => {
    const packed = await start(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", directory.path],
      { cwd: ROOT, env: { HOME: directory.path } },
    ).ended;
    equal(packed.code, 0, packed.stderr);
    const [{ filename, files }] = JSON.parse(packed.stdout) as [
      { filename: string; files: { path: string }[] },
    ];
    const paths = files.map(({ path }) => path);
    for (const needed of ["cli/main.js", "library/schemaledger.d.ts"])
      ok(paths.includes(`dist/src/${needed}`), needed);
    deepEqual(
      paths.filter(
        (path) =>
          !/^(dist\/src|dist\/bundle|docs\/reference)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path),
      ),
      [],
    );
    deepEqual(
      paths.filter((path) => /\.map$|\.tsbuildinfo$|^dist\/test|\.test\.|crash-service/.test(path)),
      [],
    );

    await install(filename);
    const app = directory.file("app");
    const checked = await start(process.execPath, [
      join(ROOT, "node_modules/typescript/bin/tsc"),
      "-p",
      app,
    ]).ended;
    equal(checked.code, 0, checked.stdout);
    const run = await start(process.execPath, ["app.ts"], { cwd: app }).ended;
    equal(run.code, 0, run.stderr);
    match(run.stdout, /^applied 1\n$/);
    const main = "node_modules/schemaledger/dist/src/cli/main.js";
    const status = await start(process.execPath, [main, "status", "notes"], { cwd: app }).ended;
    match(status.stdout, /^1 +create notes +applied/m);
  });

  /** As npm would lay it out, with this repository's packages in place of downloaded ones. */
  async function install(tarball: string): Promise<void> {
    const modules = directory.file("app/node_modules");
    mkdirSync(join(modules, "schemaledger"), { recursive: true });
    const place = ["-xzf", directory.file(tarball), "-C", join(modules, "schemaledger")];
    equal((await start("tar", [...place, "--strip-components=1"]).ended).code, 0);
    symlinkSync(join(ROOT, "node_modules"), join(modules, "schemaledger/node_modules"));
    symlinkSync(join(ROOT, "node_modules/@types"), join(modules, "@types"));
    mkdirSync(directory.file("app/migrations"));
    writeFileSync(directory.file("app/migrations/1_create_notes.sql"), "CREATE TABLE notes (text)");
    writeFileSync(directory.file("app/package.json"), '{"type":"module"}');
    writeFileSync(directory.file("app/tsconfig.json"), JSON.stringify(STRICT));
    writeFileSync(directory.file("app/app.ts"), PROGRAM!);
  }
});
