import { Conflict, InvalidInput } from "../shared/errors.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { RestoreOrder } from "./events.ts";

/** Members that say two things at once. */
export function refuseContradiction(order: RestoreOrder): void {
  const { tables, target, method, onConflict, triggers } = order;
  const words: readonly (readonly [boolean, string])[] = [
    [tables !== undefined && target !== undefined, "tables and target exclude each other"],
    [tables === undefined && onConflict !== undefined, "onConflict is for tables"],
    [tables === undefined && triggers !== undefined, "triggers is for tables"],
    [
      method !== undefined && (tables !== undefined || target !== undefined),
      "method is for the whole database",
    ],
  ];
  const wrong = words.find(([is]) => is);
  if (wrong !== undefined)
    throw new InvalidInput("restore-contradiction", `The request contradicts itself: ${wrong[1]}`, {
      hint: "Restore the whole database, or single tables into it, or the backup to a new file",
    });
}

/** A backup that cannot be brought back so. Errors: backup-not-restorable | table-not-found. */
export function refuseUnfit(
  database: DatabaseState,
  backup: BackupState,
  { tables }: RestoreOrder,
): void {
  const { id, kind, status, facts } = backup;
  const isOfKind = kind === "full" || (kind === "table" && tables !== undefined);
  if (!isOfKind || facts === null || !["completed", "verified"].includes(status))
    throw new Conflict(
      "backup-not-restorable",
      `Backup ${id} is ${kind}, ${status}: it cannot be restored`,
      { hint: `GET /v1/databases/${database.name}/backups lists verified full backups` },
    );
  const had = new Set(Object.keys(facts.rows).map((table) => table.toLowerCase()));
  const missing = tables?.find((table) => !had.has(table.toLowerCase()));
  if (missing !== undefined)
    throw new InvalidInput("table-not-found", `Backup ${id} has no table ${missing}`, {
      hint: `GET /v1/backups/${id} lists its tables in rows`,
    });
}
