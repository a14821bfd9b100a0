import type { LintFinding } from "../../domain/lint/lint.ts";
import type { LintSeverity } from "../../domain/lint/rule.ts";

const COMMANDS: { readonly [S in LintSeverity]: string } = {
  error: "error",
  warning: "warning",
  info: "notice",
};

/** One workflow command of GitHub Actions for each finding that counts. */
export const githubAnnotations = (findings: readonly LintFinding[], folder: string): string[] =>
  findings
    .filter(({ suppressed }) => suppressed === undefined)
    .map(({ severity, rule, message, hint, file, line }) => {
      const path = [folder, file].filter((part) => part !== "" && part !== ".").join("/");
      const place = `file=${property(path)},line=${line},title=${property(rule)}`;
      const text = hint === undefined ? message : `${message}. ${hint}`;
      return `::${COMMANDS[severity]} ${place}::${data(text)}`;
    });

const data = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
