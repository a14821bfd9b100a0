import { historyKey } from "../adoption/adoption-state.ts";
import type { AdoptionEvents } from "../adoption/events.ts";
import type { FoldEvent } from "../events.ts";
import { happened } from "./happened.ts";
import type { DatabaseState } from "./state.ts";
import type { MigrationState } from "./migration-state.ts";

type AdoptionEvent = Extract<FoldEvent, { type: keyof AdoptionEvents }>;

/** Folds what was read from other tools' histories. */
export function foldAdoption(database: DatabaseState, event: AdoptionEvent): void {
  if (event.type === "MigrationAdopted") return adopt(database, event);
  const { adoptionId, tool, table, beside, rows, dumpDigest } = event.data;
  const imported = happened(event);
  const history = { adoptionId, tool, table, beside, rows, dumpDigest, imported, lapsed: false };
  database.histories.set(historyKey(table, beside), history);
}

function adopt(
  database: DatabaseState,
  event: Extract<AdoptionEvent, { type: "MigrationAdopted" }>,
): void {
  const { version, inForce } = event.data;
  if (version === undefined) return;
  const known = database.migrations.get(version);
  // What the ledger applied itself it knows better than any table.
  if (known?.applied != null && known.applied.runId !== null) return;
  if (inForce) return markAdopted(database, known ?? withoutText(event), event);
  if (known?.state !== "applied") return;
  known.state = "reverted";
  known.applied = null;
}

function markAdopted(
  database: DatabaseState,
  migration: MigrationState,
  event: Extract<AdoptionEvent, { type: "MigrationAdopted" }>,
): void {
  const { adoptionId, tool, table, claimed, checksum, file } = event.data;
  migration.state = "applied";
  migration.applied = { ...happened(event), runId: null, fingerprintBefore: null };
  migration.adopted = { adoptionId, tool, table, claimed, checksum, file, index: event.index };
  database.migrations.set(migration.version, migration);
}

/** Applied by another tool from a file that nobody has shown. */
const withoutText = (
  event: Extract<AdoptionEvent, { type: "MigrationAdopted" }>,
): MigrationState => ({
  version: event.data.version!,
  name: event.data.name,
  checksum: null,
  up: null,
  down: undefined,
  verify: undefined,
  transaction: "required",
  allow: {},
  order: undefined,
  repeatable: undefined,
  source: undefined,
  language: undefined,
  functions: undefined,
  signature: undefined,
  trust: undefined,
  registered: happened(event),
  taken: happened(event),
  accepted: [],
  state: "pending",
  applied: null,
  adopted: null,
});

/**
 * After a whole restore: a backup from before an adoption holds what the other tool had applied then,
 * which only its own table in the restored database can say.
 */
export function lapseAdoptions(database: DatabaseState, backupIndex: number): void {
  for (const history of database.histories.values())
    if (history.imported.index > backupIndex) history.lapsed = true;
  for (const migration of database.migrations.values()) {
    const { adopted, applied } = migration;
    if (applied?.runId !== null || adopted === null || adopted.index < backupIndex) continue;
    migration.state = "reverted";
    migration.applied = null;
  }
}

/** Versions that were adopted after what was restored: nobody knows whether they are applied. */
export const lapsedVersions = ({ histories, migrations }: DatabaseState): string[] =>
  [...migrations.values()]
    .filter(
      ({ state, adopted }) =>
        state !== "applied" &&
        adopted !== null &&
        [...histories.values()].some(
          ({ lapsed, adoptionId, table }) =>
            lapsed && (adoptionId === adopted.adoptionId || table === adopted.table),
        ),
    )
    .map(({ version }) => version);
