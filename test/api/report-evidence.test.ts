import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestService, type Reply } from "../support/service.ts";

const ARTIFACT = `sha256:${createHash("sha256").update("log").digest("hex")}`;

describe("what a report says of a change", () => {
  let service: TestService;
  let report: Reply["body"];

  const register = (version: string, up: string): Promise<Reply> =>
    service.post("/v1/databases/shop/migrations", {
      migrations: [{ version, name: `step ${version}`, up }],
    });
  const tested = (body: object, headers = {}): Promise<Reply> =>
    service.post("/v1/databases/shop/test-evidence", body, { headers });
  const run = async (): Promise<Reply> => {
    const { body } = await service.post("/v1/databases/shop/runs", { rehearse: false });
    return service.get(`/v1/runs/${body["id"]}?wait=30`);
  };

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    await register("1", "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    assert.equal((await run()).body["status"], "succeeded");
    await register("2", "ALTER TABLE orders ADD COLUMN =total INTEGER".replace("=", ""));
    const plan = (await service.post("/v1/databases/shop/plans")).body["planDigest"];
    const fact = { planDigest: plan, environment: "staging", result: "passed", artifact: ARTIFACT };
    const key = { "idempotency-key": "tested-once" };
    const first = await tested({ ...fact, reference: "=build 7" }, key);
    assert.equal(first.status, 201, first.text);
    assert.equal((await tested({ ...fact, reference: "=build 7" }, key)).text, first.text);
    assert.equal((await tested({ ...fact, environment: "ci", result: "failed" })).status, 201);
    assert.equal((await run()).body["status"], "succeeded");
    report = (await service.get("/v1/reports/changes")).body;
  });
  after(() => service.stop());

  it("has the tests that others made of exactly its plan, and they count as testing", async () => {
    const [one, two] = report["changes"];
    assert.deepEqual(one.tests, []);
    assert.deepEqual(
      two.tests.map((test: Record<string, unknown>) => [
        test["environment"],
        test["result"],
        test["artifact"],
        test["reference"],
      ]),
      [
        ["staging", "passed", ARTIFACT, "=build 7"],
        ["ci", "failed", ARTIFACT, null],
      ],
    );
    assert.deepEqual(two.controls["PCI DSS 4.0.1 6.5.1 d"], [two.tests[0].index]);
    assert.deepEqual(one.controls["PCI DSS 4.0.1 6.5.1 d"], []);
    const kinds = report["exceptions"].map(({ kind }: { kind: string }) => kind);
    assert.ok(kinds.includes("test-failed"));
    const csv = (await service.get("/v1/reports/changes?format=csv")).text;
    assert.ok(csv.includes("staging: passed, ci: failed"));
  });

  it("refuses tests of nothing in particular", async () => {
    const good = { planDigest: ARTIFACT, environment: "ci", result: "passed" };
    for (const bad of [
      { ...good, planDigest: "sha256:1" },
      { ...good, result: "ok" },
      { ...good, environment: "" },
      { ...good, artifact: "x" },
      { ...good, more: 1 },
    ])
      assert.equal((await tested(bad)).status, 400, JSON.stringify(bad));
    const path = "/v1/databases/none/test-evidence";
    assert.equal((await service.post(path, good)).status, 404);
    const token = await service.tokenFor("auditor");
    const refused = await service.post("/v1/databases/shop/test-evidence", good, { token });
    assert.equal(refused.status, 403);
  });

  it("has each object that it changed as SQL before and after, and the whole schemas", async () => {
    const [one, two] = report["changes"];
    const [made] = one.steps[0].outcome.schemaChanges;
    assert.deepEqual([made.name, made.before], ["orders", null]);
    const [changed] = two.steps[0].outcome.schemaChanges;
    assert.equal(changed.before, made.after);
    assert.match(changed.after, /total INTEGER/);
    const [{ before, after }] = Object.values<Reply["body"]>(report["schemas"]);
    assert.equal(before, null);
    assert.equal(after.fingerprint, two.steps[0].outcome.fingerprintAfter);
    assert.equal(after.sql, `${changed.after};\n`);
    const from = two.requested.time;
    const { body: part } = await service.get(`/v1/reports/changes?from=${from}`);
    const [cut] = Object.values<Reply["body"]>(part["schemas"]);
    assert.equal(cut.before.fingerprint, two.steps[0].outcome.fingerprintBefore);
    assert.equal(cut.before.sql, `${changed.before};\n`);
    const html = (await service.get("/v1/reports/changes?format=html")).text;
    assert.ok(html.includes("Schema before and after") && html.includes("shop: after"));
  });

  it("counts its population as jq counts the exported entries", async function () {
    if (spawnSync("jq", ["--version"]).status !== 0) return this.skip();
    const { first, last } = report["period"];
    const directory = mkdtempSync(join(tmpdir(), "schemaledger-jq-"));
    try {
      const bundle = await fetch(`${service.url}/v1/reports/evidence`, {
        headers: { authorization: `Bearer ${service.token}` },
      });
      writeFileSync(join(directory, "evidence.tar"), Buffer.from(await bundle.arrayBuffer()));
      const readme = spawnSync("tar", ["-xOf", "evidence.tar", "README.txt"], { cwd: directory });
      // The very commands that the bundle tells its reader.
      const command = /^ {7}perl[^]*?uniq -c$/m.exec(readme.stdout.toString("utf8"))![0];
      assert.ok(command.includes(`.index >= ${first}`) && command.includes(`<= `));
      const shell = `tar -xf evidence.tar && ${command.trim()}`;
      const counted = spawnSync("bash", ["-c", shell], { cwd: directory, encoding: "utf8" });
      const counts = new Map(
        [...counted.stdout.matchAll(/^\s*(\d+) (\w+)$/gm)].map(([, n, type]) => [type, Number(n)]),
      );
      assert.equal(counts.get("RunRequested"), report["population"].requested, counted.stderr);
      assert.equal(counts.get("StepApplied"), report["totals"].steps.applied);
      assert.ok([...counts.values()].reduce((a, b) => a + b, 0) >= last - first + 1);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
