import type { DatabaseEvents } from "../database/events.ts";
import type { FoldEvent } from "../events.ts";
import { contradiction } from "./contradiction.ts";
import { demandApprovals } from "./fold-governance.ts";
import { settlePolicyChanges } from "./fold-policy-change.ts";
import { happened } from "./happened.ts";
import type { DatabaseState, LedgerState } from "./state.ts";

type DatabaseEvent = Extract<FoldEvent, { type: keyof DatabaseEvents }>;

/** Folds the events of a database outside runs. */
export function foldDatabase(
  state: LedgerState,
  database: DatabaseState | undefined,
  event: DatabaseEvent,
): void {
  if (event.type === "DatabaseRegistered") {
    if (database !== undefined) throw contradiction(event, "the database is registered already");
    return register(state, event);
  }
  if (database === undefined) throw contradiction(event, "its database was never registered");
  switch (event.type) {
    case "SchemaBaselined":
      database.fingerprint = event.data.fingerprint;
      database.engineVersion = event.data.engineVersion;
      database.physical = event.data.physical;
      database.schema = event.data.schema;
      database.drift = null;
      return;
    case "PolicyChanged":
      database.policy = event.data.policy;
      settlePolicyChanges(state, database, event);
      demandApprovals(state, database);
      return;
    case "MigrationRegistered":
      return addMigration(database, event);
    case "MigrationWithdrawn":
      if (database.migrations.get(event.data.version)?.state === "applied")
        throw contradiction(event, `version ${event.data.version} is applied`);
      database.migrations.delete(event.data.version);
      return;
    case "DeviationAccepted":
      return acceptDeviation(database, event);
    case "DriftDetected":
      database.drift = {
        expected: event.data.expected,
        found: event.data.found,
        index: event.index,
      };
      return;
    case "DriftChecked":
    case "MigrationRefused":
      return;
    case "DriftResolved":
      return resolveDrift(database, event);
    case "DatabaseQuarantined":
      database.quarantine = { ...event.data, index: event.index };
      return;
    case "DatabaseReleased":
      database.quarantine = null;
      return;
    case "DatabaseRetired":
      database.retired = happened(event);
      state.databaseIds.delete(database.name);
      return;
  }
}

/** A drift is reverted by the completion of its restore. */
function resolveDrift(
  database: DatabaseState,
  { data }: Extract<DatabaseEvent, { type: "DriftResolved" }>,
): void {
  if (data.decision === "reverted") return;
  database.drift = null;
  if (data.adopted === undefined) return;
  database.fingerprint = data.adopted.fingerprint;
  database.engineVersion = data.adopted.engineVersion;
  database.schema = data.adopted.schema;
}

function register(
  state: LedgerState,
  event: Extract<DatabaseEvent, { type: "DatabaseRegistered" }>,
): void {
  const { databaseId, name, engine, url, incarnation, policy } = event.data;
  state.databaseIds.set(name, databaseId);
  state.databases.set(databaseId, {
    id: databaseId,
    name,
    engine,
    url,
    registered: happened(event),
    policy,
    incarnation,
    streamVersion: 0,
    fingerprint: null,
    engineVersion: null,
    physical: null,
    schema: [],
    migrations: new Map(),
    histories: new Map(),
    drift: null,
    quarantine: null,
    retired: null,
    openAttempts: new Map(),
    openBackups: new Set(),
    openVerifications: new Set(),
    openRestores: new Set(),
    openPolicyChanges: new Set(),
    openChecks: new Set(),
    openPrunes: new Set(),
    openRecoveries: new Set(),
    openAssurances: new Map(),
    holds: new Map(),
    openRuns: new Set(),
    ended: new Map(),
    lastRun: null,
    lastBackup: null,
    lastCheck: null,
  });
}

function addMigration(
  database: DatabaseState,
  event: Extract<DatabaseEvent, { type: "MigrationRegistered" }>,
): void {
  const { version } = event.data;
  const known = database.migrations.get(version);
  if (known !== undefined && known.checksum !== null)
    throw contradiction(event, `version ${version} is registered already`);
  // The text of an adopted version whose file was not there when it was adopted.
  const { state = "pending", applied = null, adopted = null } = known ?? {};
  database.migrations.set(version, {
    ...contentOf(event.data),
    registered: happened(event),
    taken: happened(event),
    accepted: [],
    state,
    applied,
    adopted,
  });
}

function acceptDeviation(
  database: DatabaseState,
  event: Extract<DatabaseEvent, { type: "DeviationAccepted" }>,
): void {
  const { version, deviation, registration } = event.data;
  const known = database.migrations.get(version);
  if (known === undefined) throw contradiction(event, `version ${version} is not registered`);
  database.migrations.set(version, {
    ...known,
    ...(registration === undefined ? {} : { ...contentOf(registration), taken: happened(event) }),
    accepted: [...known.accepted, { ...happened(event), deviation }],
  });
}

/** What a registration says of a migration, every member of it. */
const contentOf = (data: DatabaseEvents["MigrationRegistered"]) => ({
  version: data.version,
  name: data.name,
  checksum: data.checksum,
  up: data.up,
  down: data.down,
  verify: data.verify,
  transaction: data.transaction,
  allow: data.allow,
  order: data.order,
  repeatable: data.repeatable,
  source: data.source,
  language: data.language,
  functions: data.functions,
  signature: data.signature,
  trust: data.trust,
});
