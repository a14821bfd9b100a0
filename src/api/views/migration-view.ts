import type { MigrationState } from "../../domain/state/migration-state.ts";
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
  ...(migration.language === undefined ? {} : { language: migration.language }),
  ...(migration.functions === undefined ? {} : { functions: migration.functions }),
  ...(migration.accepted.length === 0
    ? {}
    : {
        accepted: migration.accepted.map(({ deviation, time, actor, index }) => ({
          deviation,
          at: time,
          by: names.actor(actor),
          eventIndex: index,
        })),
      }),
  ...(migration.order === undefined ? {} : { order: migration.order }),
  ...(migration.repeatable === true ? { repeatable: true } : {}),
  signed: migration.signature !== undefined,
  trust: migration.trust ?? null,
  registeredAt: migration.registered.time,
  registeredBy: names.actor(migration.registered.actor),
  textTakenAt: migration.taken.time,
  textTakenBy: names.actor(migration.taken.actor),
  ...appliedView(migration, names),
});

/** Nobody here has seen when and by whom an adopted one was applied: what is claimed is shown as that. */
function appliedView({ applied, adopted }: MigrationState, names: Names): object {
  if (applied === null) return {};
  if (applied.runId !== null)
    return {
      appliedAt: applied.time,
      appliedBy: names.actor(applied.actor),
      runId: applied.runId,
      eventIndex: applied.index,
    };
  const { adoptionId, tool, table, claimed, checksum, file } = adopted!;
  return {
    eventIndex: applied.index,
    adopted: {
      adoptionId,
      tool,
      table,
      at: applied.time,
      by: names.actor(applied.actor),
      claimed,
      checksum,
      file,
    },
  };
}
