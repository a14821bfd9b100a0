import type { Ledger } from "../ledger/ledger.ts";
import type { Clock } from "../shared/clock.ts";
import { Refused } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { Identity, TrustPolicy, TrustVerdict } from "./policy.ts";
import type { RegisteredLimits } from "./registered-limits.ts";
import type { Signatures } from "./signatures.ts";
import { MIGRATION_NAMESPACE, migrationStatement, type MigrationToSign } from "./statements.ts";
import { judge } from "./trust.ts";

export interface MigrationTrustParts {
  readonly ledger: Pick<Ledger, "content">;
  readonly signatures: Signatures;
  readonly clock: Clock;
  readonly limits: RegisteredLimits;
}

/** Decides whose migrations a database takes, when they are registered and when they are to run. */
export class MigrationTrust {
  readonly #parts: MigrationTrustParts;

  constructor(parts: MigrationTrustParts) {
    this.#parts = parts;
  }

  /** Why it is taken; undefined where the policy asks nothing. Errors: those of `judge`. */
  verdict(
    { policy }: DatabaseState,
    migration: MigrationToSign & { readonly signature?: string | undefined },
    identity: Identity | undefined,
  ): TrustVerdict | undefined {
    if (policy.trust === undefined) return undefined;
    const now = this.#parts.clock.now();
    return this.#judge(policy.trust, migration, identity, now);
  }

  /**
   * Refuses scripts that the policy as it is now would not take: registered before it asked, vouched
   * for by a key that was revoked since, or beyond limits that became narrower. Errors: those of
   * `judge`; `Refused` migration-over-limits.
   */
  async refuseNotTaken(
    { engine, policy, migrations }: DatabaseState,
    versions: readonly string[],
  ): Promise<void> {
    const { trust, sqlLimits } = policy;
    for (const version of versions) {
      const migration = migrations.get(version);
      if (migration === undefined) continue;
      if (trust !== undefined) await this.#refuse(trust, migration);
      if (sqlLimits !== undefined) await this.#parts.limits.refuse(sqlLimits, engine, migration);
    }
  }

  async #refuse(trust: TrustPolicy, migration: MigrationState): Promise<void> {
    if (isStillGood(trust, migration.trust)) return;
    const { signature: digest, taken, version } = migration;
    const signature = digest === undefined ? undefined : await this.#parts.ledger.content(digest);
    try {
      const checksum = migration.checksum ?? "";
      this.#judge(trust, { ...migration, checksum, signature }, undefined, taken.time);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Refused(error.code, `Version ${version} must not run: ${error.message}`, {
        hint: "Withdraw it and register it again as the policy asks",
        details: error.details,
      });
    }
  }

  #judge(
    trust: TrustPolicy,
    migration: MigrationToSign & { readonly signature?: string | undefined },
    identity: Identity | undefined,
    registered: string,
  ): TrustVerdict {
    const { signature } = migration;
    const text = migrationStatement(migration);
    const evidence = { signature, text, namespace: MIGRATION_NAMESPACE, identity };
    const now = this.#parts.clock.now();
    return judge(trust, evidence, { registered, now }, this.#parts.signatures);
  }
}

/** A pipeline's token is not kept: what was found then counts while the policy names it. */
const isStillGood = (
  { identities = [] }: TrustPolicy,
  verdict: TrustVerdict | undefined,
): boolean =>
  verdict?.by === "identity" &&
  identities.some(
    ({ name, issuer, claims }) =>
      name === verdict.identity &&
      issuer === verdict.issuer &&
      Object.entries(claims).every(([claim, value]) => verdict.claims[claim] === value),
  );
