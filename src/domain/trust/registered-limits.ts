import type { EngineName } from "../database/events.ts";
import type { Dialect, Dialects, ScriptToAnalyze } from "../engine/dialect.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Digest } from "../shared/digest.ts";
import type { MigrationState } from "../state/migration-state.ts";
import { refuseBeyond, type LimitedScript, type SqlLimits } from "./sql-limits.ts";

export interface LimitParts {
  readonly ledger: Pick<Ledger, "content">;
  readonly dialects: Dialects;
  readonly digest: Digest;
}

/** Asks once more of what is registered already: the limits may have become narrower since. */
export class RegisteredLimits {
  readonly #parts: LimitParts;

  constructor(parts: LimitParts) {
    this.#parts = parts;
  }

  /** Error: `Refused` migration-over-limits. */
  async refuse(limits: SqlLimits, engine: EngineName, migration: MigrationState): Promise<void> {
    const dialect = this.#parts.dialects(engine);
    const scripts = await this.#scriptsOf(migration, dialect);
    refuseBeyond(limits, migration.version, scripts, (sql) => dialect.classOf(sql));
  }

  async #scriptsOf(migration: MigrationState, dialect: Dialect): Promise<LimitedScript[]> {
    const { transaction, allow, language, functions } = migration;
    const scripts: LimitedScript[] = [];
    for (const part of ["up", "down"] as const)
      scripts.push(
        ...(await this.#taken(part, migration[part], dialect, { transaction, allow, language })),
      );
    const verifies = { transaction: "required", allow, verifies: true } as const;
    scripts.push(...(await this.#taken("verify", migration.verify, dialect, verifies)));
    const text = await this.#textOf(functions);
    if (text !== undefined)
      scripts.push({
        part: "functions",
        bytes: this.#parts.digest.utf8(text).length,
        analysis: { statements: [], open: true },
      });
    return scripts;
  }

  async #taken(
    part: LimitedScript["part"],
    digest: string | null | undefined,
    dialect: Dialect,
    how: Omit<ScriptToAnalyze, "sql">,
  ): Promise<LimitedScript[]> {
    const sql = await this.#textOf(digest);
    if (sql === undefined) return [];
    const bytes = this.#parts.digest.utf8(sql).length;
    return [{ part, bytes, analysis: dialect.analyze({ ...how, sql }) }];
  }

  /** Nobody has shown the text of what another tool applied: it is history, and does not run. */
  async #textOf(digest: string | null | undefined): Promise<string | undefined> {
    return digest == null ? undefined : this.#parts.ledger.content(digest);
  }
}
