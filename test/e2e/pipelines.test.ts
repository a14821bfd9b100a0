import { deepEqual, equal, match } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { parse } from "yaml";
import { MAIN, textOf } from "../support/repository.ts";
import {
  endProcessesAfterEach,
  start,
  startService,
  type Ended,
} from "../support/service-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

interface Step {
  readonly name: string;
  readonly run: string;
  readonly if?: string;
  readonly env: { readonly [name: string]: string };
}

interface Action {
  readonly inputs: { readonly [name: string]: { readonly default?: string } };
  readonly runs: { readonly steps: readonly Step[] };
}

const action = parse(textOf("ops/ci/github/action.yml")) as Action;
const SCHEMALEDGER = `"${process.execPath}" "${MAIN}"`;

describe("ops/ci", function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  endProcessesAfterEach();

  beforeEach(() => {
    mkdirSync(directory.file("migrations"));
    const files = {
      "V1__a.sql": "CREATE TABLE a (id INTEGER PRIMARY KEY);",
      "U1__a.sql": "DROP TABLE a;",
    };
    for (const [name, sql] of Object.entries(files))
      writeFileSync(directory.file(`migrations/${name}`), sql);
    // The program as the shell finds it.
    writeFileSync(directory.file("schemaledger"), `#!/bin/sh\nexec ${SCHEMALEDGER} "$@"\n`, {
      mode: 0o755,
    });
  });

  const shell = (script: string, env: { [name: string]: string }): Promise<Ended> =>
    start("bash", ["-eo", "pipefail", "-c", script], {
      cwd: directory.path,
      env: { PATH: `${directory.path}:${process.env["PATH"]}`, ...env },
    }).ended;

  /** A step of the action with its inputs, as GitHub's runner would call it. */
  async function step(name: string, inputs: { [name: string]: string }): Promise<Ended> {
    const { run, env } = action.runs.steps.find((one) => one.name === name)!;
    const given: { [name: string]: string } = { schemaledger: "schemaledger", ...inputs };
    const filled = Object.entries(env).map(([variable, text]) => [
      variable,
      text.replaceAll(
        /\$\{\{ inputs\.([\w-]+) \}\}/g,
        (_, input: string) => given[input] ?? action.inputs[input]!.default ?? "",
      ),
    ]);
    return shell(run, { ...Object.fromEntries(filled), GITHUB_OUTPUT: directory.file("output") });
  }

  it("have a GitHub action that lints, tests, plans, migrates and waits", async () => {
    match((await step("Lint", {})).stdout, /^$|::/);
    const tested = await step("Test", { "test-options": "--rows 2 --strict" });
    equal(tested.code, 0, tested.stdout + tested.stderr);
    match(readFileSync(directory.file("schemaledger-tests.xml"), "utf8"), /tests="6" failures="0"/);

    const service = await startService(directory.file("data"), directory.path);
    const { url: server, token } = service;
    const ask = (method: string, path: string, body: object): Promise<Response> =>
      fetch(`${server}/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          connection: "close",
        },
        body: JSON.stringify(body),
      });
    const file = directory.file("shop.db");
    await ask("POST", "/databases", { name: "shop", engine: "sqlite", url: file, create: true });
    const inputs = { server, token, database: "shop", reason: "A b; c", ticket: "T-1" };
    match((await step("Plan", inputs)).stdout, /V1__a|1\s+a/);
    const outcome = async (
      more: { [name: string]: string } = {},
    ): Promise<[number | null, string]> => {
      writeFileSync(directory.file("output"), "");
      const { code } = await step("Migrate", { ...inputs, ...more });
      return [code, readFileSync(directory.file("output"), "utf8").trim()];
    };
    deepEqual(await outcome(), [0, "outcome=applied"]);
    deepEqual(await outcome(), [0, "outcome=nothing-to-do"]);

    writeFileSync(directory.file("migrations/V2__b.sql"), "CREATE TABL");
    equal((await outcome())[0], 1);
    writeFileSync(directory.file("migrations/V2__b.sql"), "CREATE TABLE b (id INTEGER);");
    await ask("PATCH", "/databases/shop/policy", { approvals: 1 });
    deepEqual(await outcome({ wait: "1" }), [0, "outcome=waiting"]);
    await service.stop();
  });

  it("have GitLab jobs whose scripts run", async () => {
    const jobs = parse(textOf("ops/ci/gitlab/schemaledger.gitlab-ci.yml")) as {
      [job: string]: { readonly script?: readonly string[] };
    };
    const env = { SCHEMALEDGER: "schemaledger", MIGRATIONS: "migrations" };
    for (const name of ["schemaledger:lint", "schemaledger:test"])
      for (const line of jobs[name]!.script!) {
        const { code, stdout, stderr } = await shell(line, env);
        equal(code, 0, `${line}\n${stdout}${stderr}`);
      }
    match(readFileSync(directory.file("schemaledger.sarif"), "utf8"), /"version":\s*"2\.1\.0"/);
  });

  it("have an example workflow that uses only inputs that the action has", () => {
    const { jobs } = parse(textOf("ops/ci/github/example-workflow.yml")) as {
      jobs: { [job: string]: { steps: { uses?: string; with?: object }[] } };
    };
    const used = Object.values(jobs)
      .flatMap(({ steps }) => steps)
      .filter(({ uses }) => uses?.includes("schemaledger") === true)
      .flatMap((one) => Object.keys(one.with ?? {}));
    deepEqual(used.length > 0, true);
    deepEqual(
      used.filter((input) => !(input in action.inputs)),
      [],
    );
  });
});
