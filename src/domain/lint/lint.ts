import type { LintedStep } from "./facts.ts";
import type { Found, LintRule, LintSeverity } from "./rule.ts";
import { LINT_RULES } from "./rules/rules.ts";
import type { LintSettings } from "./settings.ts";
import type { Suppression } from "./suppressions.ts";

/** A step with where it is written. */
export interface PlacedStep {
  readonly step: LintedStep;
  readonly file: string;
  /** 1-based line in the file, by statement number. Absent: not found in it. */
  readonly lines: ReadonlyMap<number, number>;
}

export interface LintFinding {
  readonly rule: string;
  readonly severity: LintSeverity;
  readonly message: string;
  readonly hint?: string;
  readonly version: string;
  readonly file: string;
  readonly line: number;
  /** Why it does not count, and where that is said. */
  readonly suppressed?: { readonly reason: string; readonly in: "file" | "configuration" };
}

/** Applies the rules. `suppressions`: by file. Pure. */
export function lint(
  steps: readonly PlacedStep[],
  settings: LintSettings,
  suppressions: ReadonlyMap<string, readonly Suppression[]>,
  measured: boolean,
): LintFinding[] {
  const used = new Set<Suppression>();
  const findings = steps.flatMap((placed) => {
    const own = suppressions.get(placed.file) ?? [];
    return found(placed, settings, measured).map((finding) =>
      suppressedBy(finding, placed, own, settings, used),
    );
  });
  for (const [file, all] of suppressions) findings.push(...faulty(file, all, used, steps));
  const order = new Map(steps.map(({ file }, at) => [file, at]));
  return findings.toSorted((a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line);
}

/** What counts: findings that were not looked at before. */
export const open = (findings: readonly LintFinding[]): LintFinding[] =>
  findings.filter(({ suppressed }) => suppressed === undefined);

const found = (
  placed: PlacedStep,
  { severities, limits }: LintSettings,
  measured: boolean,
): LintFinding[] =>
  LINT_RULES.flatMap((rule) => {
    const severity = severities.get(rule.id);
    if (severity === "off") return [];
    return rule
      .check(placed.step, { ...limits, measured })
      .map((one) => findingOf(placed, rule, one, severity));
  });

const findingOf = (
  { step, file, lines }: PlacedStep,
  rule: LintRule,
  { message, hint, statement, severity: own }: Found,
  severity: LintSeverity | undefined,
): LintFinding => ({
  rule: rule.id,
  severity: severity ?? own ?? rule.severity,
  message,
  ...(hint === undefined ? {} : { hint }),
  version: step.version,
  file,
  line: lines.get(statement ?? firstOf(lines)) ?? 1,
});

const firstOf = (lines: ReadonlyMap<number, number>): number => [...lines.keys()][0] ?? 1;

function suppressedBy(
  finding: LintFinding,
  { step, lines }: PlacedStep,
  suppressions: readonly Suppression[],
  { ignored }: LintSettings,
  used: Set<Suppression>,
): LintFinding {
  const comment = suppressions.find(
    ({ rules, wholeFile, line, fault }) =>
      fault === undefined &&
      rules.includes(finding.rule) &&
      (wholeFile || finding.line === nextLine(lines, line)),
  );
  if (comment !== undefined) {
    used.add(comment);
    return { ...finding, suppressed: { reason: comment.reason, in: "file" } };
  }
  const known = ignored.find(
    ({ rule, version }) => rule === finding.rule && version === step.version,
  );
  if (known === undefined) return finding;
  return { ...finding, suppressed: { reason: known.reason, in: "configuration" } };
}

/** Line of the statement that follows a comment. */
const nextLine = (lines: ReadonlyMap<number, number>, line: number): number | undefined =>
  [...lines.values()].filter((one) => one > line).toSorted((a, b) => a - b)[0];

/** Ids of what is said about suppressions themselves. */
export const SUPPRESSION_RULES = {
  "suppression-invalid": "A suppression names no rule, or gives no reason",
  "suppression-unused": "A suppression suppresses nothing",
} as const;

function faulty(
  file: string,
  suppressions: readonly Suppression[],
  used: ReadonlySet<Suppression>,
  steps: readonly PlacedStep[],
): LintFinding[] {
  const version = steps.find((placed) => placed.file === file)?.step.version ?? "";
  return suppressions
    .filter((one) => one.fault !== undefined || !used.has(one))
    .map(({ fault, line, rules }) =>
      fault === undefined
        ? {
            rule: "suppression-unused",
            severity: "info",
            message: `Nothing here is found by ${rules.join(", ")}`,
            hint: "Take the comment away, unless the file is applied",
            version,
            file,
            line,
          }
        : {
            rule: "suppression-invalid",
            severity: "error",
            message: `The suppression ${fault}`,
            hint: "Write -- schemaledger:lint-ignore RULE because REASON",
            version,
            file,
            line,
          },
    );
}
