import type { LintedStep } from "./facts.ts";

export type LintSeverity = "error" | "warning" | "info";

/** What a rule found in one step. */
export interface Found {
  readonly message: string;
  readonly hint?: string | undefined;
  /** 1-based statement. Absent: the whole script. */
  readonly statement?: number | undefined;
  /** Absent: that of the rule. */
  readonly severity?: LintSeverity;
}

/** Limits and styles that a project can set. */
export interface LintLimits {
  /** A step that takes longer on the given database holds its lock too long, ms. */
  readonly lockMs: number;
  /** Tables with fewer rows are changed in no time. */
  readonly manyRows: number;
  /** What names of tables, columns, indexes, views and triggers look like. */
  readonly namePattern: string;
  /** A real database was given: its rows say what is slow. */
  readonly measured: boolean;
}

export interface LintRule {
  /** Stable kebab-case. */
  readonly id: string;
  readonly severity: LintSeverity;
  /** One sentence: what it finds. */
  readonly title: string;
  readonly check: (step: LintedStep, limits: LintLimits) => readonly Found[];
}

/** ASCII only, as SQLite compares names. */
export const fold = (name: string): string =>
  name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());

export const same = (a: string, b: string): boolean => fold(a) === fold(b);
