import type {
  TestCase,
  TestPass,
  TestReport,
  Verdict,
} from "../../domain/testing/migration-test.ts";
import { plain, tone, type Output, type Tone } from "../output.ts";
import { durationText } from "../sizes.ts";
import { caseName } from "./junit.ts";

const TONES: { readonly [V in Verdict]: readonly [Tone, string] } = {
  passed: ["good", "ok"],
  failed: ["bad", "FAILED"],
  lossy: ["warn", "lossy"],
  skipped: ["faint", "skipped"],
};

const PASSES: { readonly [N in TestPass["name"]]: string } = {
  empty: "from an empty database",
  rows: "on generated rows",
  snapshot: "on a copy of real data",
};

/** What is not as it should be, pass by pass, and the sum. */
export function showReport(out: Output, report: TestReport): void {
  for (const { name, cases, filled } of report.passes) {
    const rows = filled.rows === 0 ? "" : `, ${filled.rows} rows`;
    out.line(`${tone("strong", name)} (${PASSES[name]}${rows})`);
    for (const found of cases) if (found.verdict !== "passed") showCase(out, found);
    if (filled.empty.length > 0)
      out.line(`  ${tone("faint", `without rows: ${filled.empty.join(", ")}`)}`);
    const slowest = cases.toSorted((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0))[0];
    if (slowest?.durationMs !== undefined)
      out.line(
        `  ${tone("faint", `slowest: ${caseName(slowest)}, ${durationText(slowest.durationMs)}`)}`,
      );
  }
  const { passed, failed, lossy, skipped } = report;
  const verdict = failed > 0 ? tone("bad", "Failed:") : tone("good", "Passed:");
  out.line(`${verdict} ${passed} passed, ${failed} failed, ${lossy} lossy, ${skipped} skipped`);
}

function showCase(out: Output, found: TestCase): void {
  const [style, word] = TONES[found.verdict];
  out.line(`  ${tone(style, word)} ${plain(caseName(found))}`);
  const { failure } = found;
  if (failure === undefined || found.verdict === "skipped") return;
  const at = failure.statement === undefined ? "" : ` (statement ${failure.statement})`;
  out.line(`    ${plain(failure.message)}${at} [${failure.code}]`);
  if (failure.hint !== undefined) out.line(`    ${tone("faint", failure.hint)}`);
}
