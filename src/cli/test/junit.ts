import type { TestCase, TestPass, TestReport } from "../../domain/testing/migration-test.ts";

/** JUnit XML as pipelines read it: a suite a pass, a case a check. Lossy ways back are in the system-out. */
export function junit({ passes, passed, failed, lossy, skipped }: TestReport): string {
  const tests = passed + failed + lossy + skipped;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="schemaledger test" tests="${tests}" failures="${failed}" skipped="${skipped}">`,
    ...passes.map(suite),
    "</testsuites>",
    "",
  ].join("\n");
}

function suite({ name, cases }: TestPass): string {
  const count = (verdict: string): number =>
    cases.filter((found) => found.verdict === verdict).length;
  const head = `  <testsuite name="${name}" tests="${cases.length}" failures="${count("failed")}" errors="0" skipped="${count("skipped")}">`;
  return [head, ...cases.map((found) => testcase(name, found)), "  </testsuite>"].join("\n");
}

function testcase(pass: string, found: TestCase): string {
  const seconds = ((found.durationMs ?? 0) / 1000).toFixed(3);
  const head = `    <testcase classname="${pass}.${found.check}" name="${xml(caseName(found))}" time="${seconds}"`;
  const inner = body(found);
  return inner === "" ? `${head}/>` : `${head}>${inner}</testcase>`;
}

function body({ verdict, failure }: TestCase): string {
  if (failure === undefined) return "";
  const text = xml([failure.message, failure.hint].filter(Boolean).join("\n"));
  if (verdict === "failed")
    return `<failure type="${failure.code}" message="${xml(failure.message)}">${text}</failure>`;
  if (verdict === "skipped") return `<skipped message="${xml(failure.message)}"/>`;
  return `<system-out>${text}</system-out>`;
}

/** `3 add prices: down`. */
export const caseName = ({ version, name, check }: TestCase): string =>
  `${version === null ? "" : `${version} `}${name}: ${check}`;

/** Characters that XML 1.0 cannot have at all become U+FFFD. */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
