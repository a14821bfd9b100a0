import type { Allowances, EngineName, TransactionMode } from "../database/events.ts";
import type { CodeLanguage } from "../migration/migration.ts";
import type { Finding } from "../migration/events.ts";
import type { Definition } from "../schema/definition.ts";
import type { SchemaObject } from "../schema/schema.ts";
import type { StatementClass } from "../trust/sql-limits.ts";

/** What can be said of a script without a database: by its text alone. Pure. */
export interface Dialect {
  analyze(script: ScriptToAnalyze): ScriptAnalysis;
  /** What a statement is, by its words. */
  classOf(statement: string): StatementClass;
  /** What the script's CREATE statements make, by their text alone. */
  creates(sql: string): readonly Pick<SchemaObject, "type" | "name">[];
  /** What an object's definition says. */
  describe(object: SchemaObject): Definition;
}

/** The dialect of each engine. */
export type Dialects = (engine: EngineName) => Dialect;

export interface ScriptToAnalyze {
  readonly sql: string;
  readonly transaction: TransactionMode;
  readonly allow: Allowances;
  /** The script verifies a step: it may hold queries only. */
  readonly verifies?: boolean;
  /** It is no SQL but code. */
  readonly language?: CodeLanguage | undefined;
}

export interface ScriptAnalysis {
  readonly statements: readonly Statement[];
  /** Statements left out or changed by the runner, in words with their numbers. */
  readonly rewritings: readonly string[];
  /** Severity `error` refuses the script. */
  readonly findings: readonly Finding[];
  /** Tables that the text drops, rebuilds, deletes from or replaces into (as written, unquoted). */
  readonly destroys: readonly string[];
  /** What it executes is known only when it has run. */
  readonly open?: true;
}

export interface Statement {
  /** 1-based number in the script as submitted. */
  readonly number: number;
  readonly sql: string;
  /** 1-based line of its first token. */
  readonly line: number;
}
