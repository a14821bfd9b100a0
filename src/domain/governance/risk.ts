import type { Dialect, Dialects } from "../engine/dialect.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RiskClass } from "../migration/events.ts";
import type { Plan } from "../migration/plan.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";

/** Says what a plan may destroy, by its texts. */
export class RiskAssessor {
  readonly #ledger: Ledger;
  readonly #dialects: Dialects;

  constructor(ledger: Ledger, dialects: Dialects) {
    this.#ledger = ledger;
    this.#dialects = dialects;
  }

  /** Undoing is destructive whatever the scripts say: what was written since is lost. */
  async riskOf(database: DatabaseState, plan: Plan): Promise<RiskClass> {
    if (plan.kind === "rollback") return "destructive";
    const dialect = this.#dialects(database.engine);
    for (const { version } of plan.steps) {
      const migration = database.migrations.get(version);
      if (migration !== undefined && (await this.#destroys(migration, dialect)))
        return "destructive";
    }
    return "ordinary";
  }

  async #destroys(migration: MigrationState, dialect: Dialect): Promise<boolean> {
    const { transaction, allow } = migration;
    if (transaction === "none" || (allow.rowLoss ?? []).length > 0) return true;
    const sql = migration.up === null ? "" : ((await this.#ledger.content(migration.up)) ?? "");
    const { destroys, open } = dialect.analyze({ ...migration, sql });
    // Nobody can say of code what it may destroy.
    return open === true || destroys.length > 0;
  }
}
