import { equal, match, ok } from "node:assert/strict";
import { junit } from "../../../src/cli/test/junit.ts";
import { tap } from "../../../src/cli/test/tap.ts";
import { reportOf, type TestCase } from "../../../src/domain/testing/migration-test.ts";

const one = (more: Partial<TestCase>): TestCase => ({
  check: "up",
  version: "1",
  name: "n",
  verdict: "passed",
  ...more,
});
const report = reportOf([
  {
    name: "empty",
    filled: { rows: 0, empty: [] },
    cases: [
      one({ durationMs: 1500 }),
      one({
        verdict: "failed",
        name: '<a> & "b" \u0001\ud800 # x',
        failure: { code: "statement-failed", message: "no\nway", hint: "fix", statement: 2 },
      }),
      one({ check: "down", verdict: "lossy", failure: { code: "c", message: "loses" } }),
      one({ verdict: "skipped", failure: { code: "not-reached", message: "An earlier failed" } }),
    ],
  },
]);

describe("reports of migration tests", () => {
  it("are JUnit XML that stays well-formed whatever the names are", () => {
    const xml = junit(report);
    match(xml, /<testsuites name="schemaledger test" tests="4" failures="1" skipped="1">/);
    match(xml, /time="1\.500"\/>/);
    match(xml, /&lt;a&gt; &amp; &quot;b&quot; \uFFFD\uFFFD # x: up/);
    match(
      xml,
      /<failure type="statement-failed" message="no&#10;way">no&#10;way&#10;fix<\/failure>/,
    );
    match(xml, /<system-out>loses<\/system-out>/);
    equal(xml.match(/<testcase/g)!.length, xml.match(/<\/testcase>|"\/>\n/g)!.length);
  });

  it("are TAP, with names that begin no directive", () => {
    const lines = tap(report).split("\n");
    equal(lines[1], "1..4");
    equal(lines[2], "ok 1 - empty: 1 n: up");
    ok(lines[3]!.startsWith("not ok 2 - empty: 1 <a>"));
    ok(lines[3]!.includes(String.raw`\# x`));
    ok(lines.includes("ok 3 - empty: 1 n: down # loses"));
    ok(lines.includes("ok 4 - empty: 1 n: up # SKIP An earlier failed"));
  });
});
