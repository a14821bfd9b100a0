import type { TestCase, TestReport } from "../../domain/testing/migration-test.ts";
import { caseName } from "./junit.ts";

/** Test Anything Protocol 14. A lossy way back is "ok" and says what it loses; what was not reached is skipped. */
export function tap({ passes }: TestReport): string {
  const cases = passes.flatMap((pass) => pass.cases.map((found) => ({ pass: pass.name, found })));
  const lines = cases.flatMap(({ pass, found }, at) => point(at + 1, pass, found));
  return ["TAP version 14", `1..${cases.length}`, ...lines, ""].join("\n");
}

function point(number: number, pass: string, found: TestCase): string[] {
  const { verdict, failure } = found;
  const name = `${number} - ${escaped(`${pass}: ${caseName(found)}`)}`;
  if (verdict === "skipped") return [`ok ${name} # SKIP ${line(failure?.message)}`];
  if (verdict === "lossy") return [`ok ${name} # ${line(failure?.message)}`];
  if (verdict === "passed" || failure === undefined) return [`ok ${name}`];
  return [
    `not ok ${name}`,
    "  ---",
    `  code: ${failure.code}`,
    `  message: ${JSON.stringify(failure.message)}`,
    ...(failure.hint === undefined ? [] : [`  hint: ${JSON.stringify(failure.hint)}`]),
    ...(failure.statement === undefined ? [] : [`  statement: ${failure.statement}`]),
    "  ...",
  ];
}

const line = (text = ""): string => escaped(text.replaceAll(/\s+/g, " "));

/** `#` begins a directive. */
const escaped = (text: string): string =>
  text
    .replaceAll("\\", "\\\\")
    .replaceAll("#", String.raw`\#`)
    .replaceAll(/[\r\n]+/g, " ");
