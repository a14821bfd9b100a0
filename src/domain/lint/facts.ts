import type { Allowances, TransactionMode } from "../database/events.ts";
import type { Finding, RowChange } from "../migration/events.ts";
import type { SchemaObject, SchemaRenames } from "../schema/schema.ts";
import type { Failure } from "../shared/errors.ts";

/** What was seen of one migration while it ran on a scratch database. Rules decide on this alone. */
export interface LintedStep {
  readonly version: string;
  readonly name: string;
  readonly transaction: TransactionMode;
  readonly allow: Allowances;
  readonly repeatable: boolean;
  readonly statements: readonly LintedStatement[];
  /** Of the script's text, and of the checks after its statements. */
  readonly findings: readonly Finding[];
  /** What the runner leaves out of the script, in words. */
  readonly rewritings: readonly string[];
  readonly before: SchemaFacts;
  /** As `before` if the step failed. */
  readonly after: SchemaFacts;
  readonly renames: SchemaRenames;
  /** Tables that were dropped, under the names that they had before; a rebuild drops, too. */
  readonly dropped: readonly string[];
  readonly rows: readonly RowChange[];
  readonly durationMs: number;
  readonly failure?: Failure;
  /** Absent: there is no down script, or it was not tried. */
  readonly down?: DownFacts;
}

export interface DownFacts {
  readonly failure?: Failure;
  /** It leads to the schema that was there before. */
  readonly restores: boolean;
}

export interface LintedStatement {
  /** 1-based, in the script as the runner takes it apart. */
  readonly number: number;
  /** 1-based line in the script. */
  readonly line: number;
  readonly sql: string;
  /** First word in upper case. */
  readonly word: string;
  readonly target?: DdlFacts;
  /** Tables whose rows SQLite may change by it. Absent: it did not come to that. */
  readonly writes: readonly string[];
  /** The table that the statement itself deletes from or replaces in. */
  readonly deletesFrom?: string;
  /** An UPDATE or DELETE of all rows. */
  readonly allRows: boolean;
  /** Words in it whose value is another one each time. */
  readonly changing: readonly string[];
}

export interface DdlFacts {
  readonly verb: "create" | "alter" | "drop";
  readonly type: SchemaObject["type"];
  readonly name: string;
  /** The table of an index or trigger. */
  readonly on?: string;
}

export interface SchemaFacts {
  readonly objects: readonly SchemaObject[];
  readonly keys: readonly ForeignKeyFacts[];
  /** Rows per table. */
  readonly rows: { readonly [table: string]: number };
  /** Columns whose default has words of which the value is another one each time: `table.column`. */
  readonly changingDefaults: { readonly [column: string]: readonly string[] };
}

export interface ForeignKeyFacts {
  readonly child: string;
  readonly columns: readonly string[];
  readonly parent: string;
  /** `CASCADE`, `SET NULL`, … */
  readonly onDelete: string;
  /** An index of the child begins with its columns. */
  readonly indexed: boolean;
}
