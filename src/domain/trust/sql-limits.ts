import type { ScriptAnalysis } from "../engine/dialect.ts";
import { Refused } from "../shared/errors.ts";

/** How much and what SQL a migration may have. */
export interface SqlLimits {
  /** Of all its scripts together, in UTF-8. */
  readonly bytes?: number;
  /** In each of its scripts. */
  readonly statements?: number;
  /** The only classes of statements that its up and down scripts may have. */
  readonly classes?: readonly StatementClass[];
}

/** What a statement is, by its text. */
export type StatementClass = (typeof STATEMENT_CLASSES)[number];

export const STATEMENT_CLASSES = [
  "create-table",
  "create-index",
  "create-view",
  "create-trigger",
  "create-virtual-table",
  "alter-table",
  "drop-table",
  "drop-index",
  "drop-view",
  "drop-trigger",
  "insert",
  "update",
  "delete",
  "replace",
  "select",
  "pragma",
  "maintenance",
  "other",
] as const;

/** A script, taken apart. */
export interface LimitedScript {
  readonly part: "up" | "down" | "verify" | "functions";
  readonly bytes: number;
  readonly analysis: Pick<ScriptAnalysis, "statements" | "open">;
}

/** Refuses a migration that is beyond the policy's limits. Error: `Refused` migration-over-limits. */
export function refuseBeyond(
  { bytes, statements, classes }: SqlLimits,
  version: string,
  scripts: readonly LimitedScript[],
  classOf: (sql: string) => StatementClass,
): void {
  const size = scripts.reduce((sum, script) => sum + script.bytes, 0);
  if (bytes !== undefined && size > bytes)
    throw beyond(version, `its scripts have ${size} bytes, and ${bytes} are allowed`);
  for (const { part, analysis } of scripts) {
    if (analysis.open === true && (statements ?? classes) !== undefined)
      throw beyond(version, `its ${part} script is code, and nobody can say what it executes`);
    const count = analysis.statements.length;
    if (statements !== undefined && count > statements)
      throw beyond(
        version,
        `its ${part} script has ${count} statements, and ${statements} are allowed`,
      );
    if (classes === undefined || part === "verify") continue;
    for (const { number, line, sql } of analysis.statements) {
      const kind = classOf(sql);
      if (classes.includes(kind)) continue;
      const place = `statement ${number} (line ${line}) of its ${part} script`;
      throw beyond(version, `${place} is of class ${kind}, which is not among those allowed`);
    }
  }
}

const beyond = (version: string, why: string): Refused =>
  new Refused("migration-over-limits", `Version ${version} is beyond the policy's limits: ${why}`, {
    hint: "Divide the migration, or let an administrator change the policy's sqlLimits",
  });
