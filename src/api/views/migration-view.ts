import type { MigrationState } from "../../domain/state/state.ts";
import type { Names } from "./names.ts";

/** A registered migration, as the API shows it. */
export const migrationView = (migration: MigrationState, names: Names): object => ({
  version: migration.version,
  name: migration.name,
  checksum: migration.checksum,
  state: migration.state,
  transaction: migration.transaction,
  allow: migration.allow,
  reversible: migration.down !== undefined,
  ...(migration.order === undefined ? {} : { order: migration.order }),
  ...(migration.repeatable === true ? { repeatable: true } : {}),
  signed: migration.signature !== undefined,
  trust: migration.trust ?? null,
  registeredAt: migration.registered.time,
  registeredBy: names.actor(migration.registered.actor),
  ...(migration.applied === null
    ? {}
    : {
        appliedAt: migration.applied.time,
        appliedBy: names.actor(migration.applied.actor),
        runId: migration.applied.runId,
        eventIndex: migration.applied.index,
      }),
});
