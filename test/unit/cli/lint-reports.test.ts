import assert from "node:assert/strict";
import { githubAnnotations } from "../../../src/cli/lint/github.ts";
import { sarifOf } from "../../../src/cli/lint/sarif.ts";
import type { LintFinding } from "../../../src/domain/lint/lint.ts";

type Json = ReturnType<typeof JSON.parse>;

const FINDINGS: readonly LintFinding[] = [
  {
    rule: "drop-table",
    severity: "warning",
    message: "Table a is dropped: 100%, all\nof it",
    hint: "Look",
    version: "7",
    file: "7_weg damit.sql",
    line: 3,
  },
  {
    rule: "missing-down",
    severity: "info",
    message: "None",
    version: "8",
    file: "sub/8_ä#1.sql",
    line: 1,
    suppressed: { reason: "We restore", in: "file" },
  },
  {
    rule: "suppression-invalid",
    severity: "error",
    message: "No reason",
    version: "8",
    file: "8.sql",
    line: 2,
    suppressed: { reason: "Applied", in: "configuration" },
  },
];

/** Members that SARIF 2.1.0 allows, and those it requires, of the objects that are written here. */
const OBJECTS: { readonly [name: string]: { required: string[]; allowed: string[] } } = {
  log: { required: ["version", "runs"], allowed: ["$schema", "version", "runs"] },
  run: { required: ["tool"], allowed: ["tool", "columnKind", "results"] },
  driver: { required: ["name"], allowed: ["name", "semanticVersion", "rules"] },
  rule: {
    required: ["id"],
    allowed: ["id", "shortDescription", "defaultConfiguration", "help"],
  },
  result: {
    required: ["message"],
    allowed: ["ruleId", "ruleIndex", "level", "message", "locations", "properties", "suppressions"],
  },
  suppression: { required: ["kind"], allowed: ["kind", "justification"] },
};

function assertObject(name: string, value: Json): void {
  const { required, allowed } = OBJECTS[name]!;
  const members = Object.keys(value);
  assert.deepEqual(
    required.filter((member) => !members.includes(member)),
    [],
    name,
  );
  assert.deepEqual(
    members.filter((member) => !allowed.includes(member)),
    [],
    name,
  );
}

describe("lint reports", () => {
  it("as SARIF keep the rules of version 2.1.0", () => {
    const log = JSON.parse(JSON.stringify(sarifOf(FINDINGS, "db/my migrations"))) as Json;
    assertObject("log", log);
    assert.equal(log.version, "2.1.0");
    const [run] = log.runs;
    assertObject("run", run);
    assert.deepEqual(Object.keys(run.tool), ["driver"]);
    assert.ok(["utf16CodeUnits", "unicodeCodePoints"].includes(run.columnKind));
    const { driver } = run.tool;
    assertObject("driver", driver);
    assert.match(driver.semanticVersion, /^\d+\.\d+\.\d+/);
    const ids = driver.rules.map(({ id }: Json) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const rule of driver.rules) {
      assertObject("rule", rule);
      assert.ok(rule.shortDescription.text.length > 0);
      assert.ok(["none", "note", "warning", "error"].includes(rule.defaultConfiguration.level));
    }
    assert.equal(run.results.length, FINDINGS.length);
    for (const result of run.results) {
      assertObject("result", result);
      assert.equal(driver.rules[result.ruleIndex].id, result.ruleId);
      assert.ok(["none", "note", "warning", "error"].includes(result.level));
      assert.ok(result.message.text.length > 0);
      const [{ physicalLocation }] = result.locations;
      assert.ok(Number.isInteger(physicalLocation.region.startLine));
      assert.ok(physicalLocation.region.startLine >= 1);
      const { uri } = physicalLocation.artifactLocation;
      assert.match(
        uri,
        /^(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-F]{2})+(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-F]{2})+)*$/,
      );
      for (const suppression of result.suppressions) {
        assertObject("suppression", suppression);
        assert.ok(["inSource", "external"].includes(suppression.kind));
      }
    }
    assert.deepEqual(
      run.results.map(({ level, suppressions, locations }: Json) => [
        level,
        suppressions[0]?.kind,
        decodeURIComponent(locations[0].physicalLocation.artifactLocation.uri),
      ]),
      [
        ["warning", undefined, "db/my migrations/7_weg damit.sql"],
        ["note", "inSource", "db/my migrations/sub/8_ä#1.sql"],
        ["error", "external", "db/my migrations/8.sql"],
      ],
    );
  });

  it("for GitHub are one line each, and leave out what is suppressed", () => {
    assert.deepEqual(githubAnnotations(FINDINGS, "db"), [
      "::warning file=db/7_weg damit.sql,line=3,title=drop-table::Table a is dropped: 100%25, all%0Aof it. Look",
    ]);
  });
});
