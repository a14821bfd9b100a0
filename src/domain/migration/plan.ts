import { jcs } from "../ledger/jcs.ts";
import type { Digest } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";
import type { DatabaseState } from "../state/state.ts";
import type { MigrationState } from "../state/migration-state.ts";
import type { Finding, PlannedStep, RunKind } from "./events.ts";
import { adoptionFindings } from "../adoption/plan-findings.ts";
import { compareMigrations, highest } from "./migration-order.ts";

/** The ordered steps from here to a version. Nothing is executed by making one. */
export interface Plan {
  readonly kind: RunKind;
  /** Highest applied version now and after the plan; null = none. */
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly PlannedStep[];
  /** Severity `error` keeps the plan from being run. */
  readonly findings: readonly Finding[];
  /** Every step has a down script. */
  readonly reversible: boolean;
  /** `sha256:` + hex, bound to database, its fingerprint, and every step's checksum. */
  readonly planDigest: string;
}

/** Names the state before every migration in `to` of a rollback. */
export const BEFORE_ALL = "0";

/** Registered migrations in the order in which they are applied. */
export const inOrder = (database: DatabaseState): MigrationState[] =>
  [...database.migrations.values()].toSorted(compareMigrations);

/** The highest applied version, or null. */
export const versionOf = (database: DatabaseState): string | null =>
  newestApplied(database)?.version ?? null;

/** The highest applied one, undefined before the first. */
export const newestApplied = (database: DatabaseState): MigrationState | undefined =>
  highest([...database.migrations.values()].filter(({ state }) => state === "applied"));

/** The plan that applies what is pending, up to and including `to` (default: all). */
export function planMigrate(database: DatabaseState, to: string | undefined, digest: Digest): Plan {
  const migrations = inOrder(database);
  const last = to === undefined || to === "latest" ? undefined : registered(database, to);
  const newest = newestApplied(database);
  const from = newest?.version ?? null;
  const pending = migrations.filter(
    (migration) =>
      migration.state !== "applied" &&
      // Nobody has shown what it is; the adoption of another tool's history left it behind.
      migration.up !== null &&
      (last === undefined || compareMigrations(migration, last) <= 0),
  );
  const findings = [
    ...adoptionFindings(database),
    ...pending
      .filter((migration) => isOutOfOrder(migration, newest) && !isAccepted(migration))
      .map(({ version }) => outOfOrder(version, from!)),
  ];
  return sealed(database, digest, {
    kind: "migrate",
    from,
    to: pending.at(-1)?.version ?? from,
    steps: pending.map((migration) => plannedStep(migration, "up")),
    findings,
    reversible: pending.every(({ down }) => down !== undefined),
  });
}

/** It is to be applied, and its place is below one that is. */
export const isOutOfOrder = (
  migration: MigrationState,
  newest: MigrationState | undefined,
): boolean =>
  migration.state !== "applied" && newest !== undefined && compareMigrations(migration, newest) < 0;

const isAccepted = ({ accepted }: MigrationState): boolean =>
  accepted.some(({ deviation }) => deviation === "out-of-order");

/** The plan that undoes every applied version above `to`, newest first. */
export function planRollback(database: DatabaseState, to: string, digest: Digest): Plan {
  const target =
    to === BEFORE_ALL && !database.migrations.has(to) ? null : registered(database, to);
  if (target !== null && target.state !== "applied")
    throw new InvalidInput("version-not-applied", `Version ${to} is not applied`, {
      hint: `Name an applied version, or ${BEFORE_ALL} for the state before every migration`,
    });
  const undone = inOrder(database)
    .filter((migration) => migration.state === "applied" && isAfter(migration, target))
    .toReversed();
  return sealed(database, digest, {
    kind: "rollback",
    from: versionOf(database),
    to: target?.version ?? null,
    steps: undone.map((migration) => plannedStep(migration, "down")),
    findings: undone.filter(cannotBeUndone).map(({ version }) => adoptedForGood(version)),
    reversible: undone.every(({ down }) => down !== undefined),
  });
}

/** A repeatable one belongs to the state after `target` if it was applied later. */
function isAfter(migration: MigrationState, target: MigrationState | null): boolean {
  if (target === null) return true;
  return migration.repeatable === true
    ? migration.applied!.index > (target.applied?.index ?? -1)
    : compareMigrations(migration, target) > 0;
}

function registered(database: DatabaseState, version: string): MigrationState {
  const migration = database.migrations.get(version);
  if (migration !== undefined) return migration;
  throw new InvalidInput("version-not-registered", `Version ${version} is not registered`, {
    hint: "Register the migration first, or name one that is",
  });
}

const plannedStep = (
  { version, name, checksum, transaction }: MigrationState,
  direction: PlannedStep["direction"],
): PlannedStep => ({ version, name, checksum: checksum ?? "", direction, transaction });

/** No backup is from before what another tool applied. */
const cannotBeUndone = ({ applied, down }: MigrationState): boolean =>
  applied?.runId === null && down === undefined;

const adoptedForGood = (version: string): Finding => ({
  severity: "error",
  code: "adopted-not-reversible",
  message: `Version ${version} was applied by another tool: there is no backup from before it, and no down script`,
  hint: "Name a version above it; an adoption with the folder of its files brings the down scripts along",
});

const outOfOrder = (version: string, applied: string): Finding => ({
  severity: "error",
  code: "out-of-order",
  message: `Version ${version} is pending but ${applied} above it is applied`,
  hint: "Register the change under a version above the applied ones, or accept with a reason that it comes late",
});

function sealed(database: DatabaseState, digest: Digest, plan: Omit<Plan, "planDigest">): Plan {
  const { kind, to, steps } = plan;
  const planDigest = digest.ofText(
    jcs({
      database: database.id,
      fingerprint: database.fingerprint,
      kind,
      steps: steps.map(({ version, checksum, direction, transaction }) => ({
        checksum,
        direction,
        transaction,
        version,
      })),
      to,
    }),
  );
  return { ...plan, planDigest };
}
