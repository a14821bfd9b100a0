import type { Dialect } from "../engine/dialect.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RiskClass } from "../migration/events.ts";
import type { Plan } from "../migration/plan.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";

/** Says what a plan may destroy, by its texts. */
export class RiskAssessor {
  readonly #ledger: Ledger;
  readonly #dialect: Dialect;

  constructor(ledger: Ledger, dialect: Dialect) {
    this.#ledger = ledger;
    this.#dialect = dialect;
  }

  /** Undoing is destructive whatever the scripts say: what was written since is lost. */
  async riskOf(database: DatabaseState, plan: Plan): Promise<RiskClass> {
    if (plan.kind === "rollback") return "destructive";
    for (const { version } of plan.steps) {
      const migration = database.migrations.get(version);
      if (migration !== undefined && (await this.#destroys(migration))) return "destructive";
    }
    return "ordinary";
  }

  async #destroys(migration: MigrationState): Promise<boolean> {
    const { transaction, allow } = migration;
    if (transaction === "none" || (allow.rowLoss ?? []).length > 0) return true;
    const sql = migration.up === null ? "" : ((await this.#ledger.content(migration.up)) ?? "");
    const { destroys, open } = this.#dialect.analyze({ ...migration, sql });
    // Nobody can say of code what it may destroy.
    return open === true || destroys.length > 0;
  }
}
