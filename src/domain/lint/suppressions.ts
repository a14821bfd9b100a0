import { isRule } from "./settings.ts";

/** `-- schemaledger:lint-ignore RULE, RULE because REASON` in a file. */
export interface Suppression {
  readonly line: number;
  readonly rules: readonly string[];
  readonly reason: string;
  /** It stands before the first statement: it is for the whole file. */
  readonly wholeFile: boolean;
  /** What is wrong with it; then it suppresses nothing. */
  readonly fault?: string;
}

const MARK = "schemaledger:lint-ignore";

/** Reads the comments of a file's text. `firstLine`: line of its first statement. */
export function suppressionsIn(text: string, firstLine: number | undefined): Suppression[] {
  if (!text.includes(MARK)) return [];
  return text.split("\n").flatMap((content, at) => {
    const line = at + 1;
    const bare = content.trim();
    if (!bare.startsWith("--") || !bare.slice(2).trimStart().startsWith(MARK)) return [];
    const said = bare.slice(bare.indexOf(MARK) + MARK.length).trim();
    const [names = "", ...reasons] = said.split(/\s+because\s+/);
    const rules = names.split(",").map((name) => name.trim());
    const reason = reasons.join(" because ").trim();
    const fault = faultOf(rules, reason);
    const wholeFile = firstLine === undefined || line < firstLine;
    return [{ line, rules, reason, wholeFile, ...(fault === undefined ? {} : { fault }) }];
  });
}

function faultOf(rules: readonly string[], reason: string): string | undefined {
  const unknown = rules.find((rule) => !isRule(rule));
  if (unknown !== undefined)
    return unknown === "" ? "names no rule" : `names ${unknown}, which is no rule`;
  return reason === "" ? "gives no reason: write … because REASON" : undefined;
}
