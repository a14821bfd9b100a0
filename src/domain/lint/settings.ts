import { InvalidInput } from "../shared/errors.ts";
import type { LintLimits, LintSeverity } from "./rule.ts";
import { LINT_RULES } from "./rules/rules.ts";

/** What a project decides about linting: the member `lint` of `schemaledger.config.json`. */
export interface LintSettings {
  readonly severities: ReadonlyMap<string, LintSeverity | "off">;
  readonly ignored: readonly Ignored[];
  readonly limits: Omit<LintLimits, "measured">;
}

/** A finding that was looked at: of files that are applied and cannot say so themselves. */
export interface Ignored {
  readonly rule: string;
  readonly version: string;
  readonly reason: string;
}

export const DEFAULT_LIMITS: Omit<LintLimits, "measured"> = {
  lockMs: 1000,
  manyRows: 100_000,
  namePattern: "[a-z][a-z0-9_]*",
};

const SEVERITIES: readonly string[] = ["error", "warning", "info", "off"];
const IDS: ReadonlySet<string> = new Set(LINT_RULES.map(({ id }) => id));
const MEMBERS = new Set(["rules", "ignore", "lockMs", "manyRows", "namePattern"]);

/** Error: `InvalidInput` lint-config-invalid, naming the place. */
export function lintSettings(value: unknown): LintSettings {
  const config = objectAt("lint", value ?? {});
  for (const member of Object.keys(config))
    if (!MEMBERS.has(member)) throw invalid(`lint.${member}`, "is not known");
  const { lockMs, manyRows, namePattern } = config;
  return {
    severities: new Map(
      Object.entries(objectAt("lint.rules", config["rules"] ?? {})).map(severityOf),
    ),
    ignored: listAt("lint.ignore", config["ignore"] ?? []).map(ignoredOf),
    limits: {
      lockMs: lockMs === undefined ? DEFAULT_LIMITS.lockMs : numberAt("lint.lockMs", lockMs),
      manyRows:
        manyRows === undefined ? DEFAULT_LIMITS.manyRows : numberAt("lint.manyRows", manyRows),
      namePattern: namePattern === undefined ? DEFAULT_LIMITS.namePattern : patternAt(namePattern),
    },
  };
}

export const isRule = (id: string): boolean => IDS.has(id);

function severityOf([rule, severity]: [string, unknown]): [string, LintSeverity | "off"] {
  const place = `lint.rules.${rule}`;
  if (!isRule(rule)) throw invalid(place, "is no rule; docs/reference/lint.md lists them");
  if (!SEVERITIES.includes(severity as string))
    throw invalid(place, `must be one of ${SEVERITIES.join(", ")}`);
  return [rule, severity as LintSeverity | "off"];
}

function ignoredOf(value: unknown, at: number): Ignored {
  const place = `lint.ignore[${at}]`;
  const { rule, version, reason, ...rest } = objectAt(place, value);
  const [other] = Object.keys(rest);
  if (other !== undefined) throw invalid(`${place}.${other}`, "is not known");
  if (typeof rule !== "string" || !isRule(rule)) throw invalid(`${place}.rule`, "is no rule");
  if (typeof version !== "string" || version === "")
    throw invalid(`${place}.version`, "must name a version");
  if (typeof reason !== "string" || reason.trim() === "")
    throw invalid(`${place}.reason`, "must say why");
  return { rule, version, reason };
}

function objectAt(place: string, value: unknown): { readonly [member: string]: unknown } {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as { readonly [member: string]: unknown };
  throw invalid(place, "must be an object");
}

function listAt(place: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(place, "must be a list");
}

function numberAt(place: string, value: unknown): number {
  if (typeof value === "number" && value > 0) return value;
  throw invalid(place, "must be a number above 0");
}

function patternAt(value: unknown): string {
  try {
    if (typeof value === "string") return new RegExp(value).source;
  } catch {
    // Said below.
  }
  throw invalid("lint.namePattern", "must be a regular expression");
}

const invalid = (place: string, what: string): InvalidInput =>
  new InvalidInput("lint-config-invalid", `schemaledger.config.json: ${place} ${what}`, {
    hint: "docs/reference/lint.md describes the file",
  });
