import type { LintFinding } from "../../domain/lint/lint.ts";
import { SUPPRESSION_RULES } from "../../domain/lint/lint.ts";
import { LINT_RULES } from "../../domain/lint/rules/rules.ts";
import type { LintSeverity } from "../../domain/lint/rule.ts";
import { TOOL_VERSION } from "../../infra/system/version.ts";

const LEVELS: { readonly [S in LintSeverity]: string } = {
  error: "error",
  warning: "warning",
  info: "note",
};

/** Every rule with the level that it has by itself. */
const RULES = [
  ...LINT_RULES.map(({ id, title, severity }) => ({ id, title, level: LEVELS[severity] })),
  ...Object.entries(SUPPRESSION_RULES).map(([id, title]) => ({
    id,
    title,
    level: id === "suppression-invalid" ? "error" : "note",
  })),
];

/**
 * The findings as SARIF 2.1.0. `folder`: of the files, relative to where the pipeline's sources begin.
 */
export function sarifOf(findings: readonly LintFinding[], folder: string): object {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "schemaledger lint",
            semanticVersion: TOOL_VERSION,
            rules: RULES.map(({ id, title, level }) => ({
              id,
              shortDescription: { text: title },
              defaultConfiguration: { level },
              help: { text: `docs/reference/lint.md describes the rule ${id}` },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => resultOf(finding, folder)),
      },
    ],
  };
}

function resultOf(
  { rule, severity, message, hint, file, line, version, suppressed }: LintFinding,
  folder: string,
): object {
  return {
    ruleId: rule,
    ruleIndex: RULES.findIndex(({ id }) => id === rule),
    level: LEVELS[severity],
    message: { text: hint === undefined ? message : `${message}. ${hint}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(folder, file) },
          region: { startLine: line },
        },
      },
    ],
    properties: { version },
    suppressions:
      suppressed === undefined
        ? []
        : [
            {
              kind: suppressed.in === "file" ? "inSource" : "external",
              justification: suppressed.reason,
            },
          ],
  };
}

/** A relative reference: each part encoded, with slashes between them. */
const uriOf = (folder: string, file: string): string =>
  [...folder.split(/[\\/]/), ...file.split("/")]
    .filter((part) => part !== "" && part !== ".")
    .map(encodeURIComponent)
    .join("/");
