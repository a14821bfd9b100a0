import { jcs } from "../ledger/jcs.ts";
import { appliedIn } from "../migration/applied-versions.ts";
import type { Digest } from "../shared/digest.ts";
import type { BackupState, DatabaseState } from "../state/state.ts";
import type { RestoreOrder } from "./events.ts";

/**
 * Names exactly what a restore would bring back and what it would replace: the backup with its
 * content, the way, and the database as the ledger knows it. If any of it changes, what was approved is
 * not what would be done. A backup that may not be restored any more has no content.
 */
export function restoreDigest(
  database: DatabaseState,
  backup: BackupState | undefined,
  { tables, onConflict, triggers, method }: RestoreOrder,
  digest: Digest,
): string {
  const isGood = backup?.status === "verified" || backup?.status === "completed";
  return digest.ofText(
    jcs({
      backup: backup?.id ?? null,
      content: (isGood ? backup.facts?.sha256 : undefined) ?? null,
      database: database.id,
      incarnation: database.incarnation,
      fingerprint: presentFingerprint(database),
      applied: appliedIn(database).toSorted(),
      kind: "restore",
      method: method ?? null,
      onConflict: onConflict ?? null,
      tables: tables ?? null,
      triggers: triggers ?? null,
    }),
  );
}

/** Of the schema that the database has, as far as the ledger knows. */
export const presentFingerprint = ({ drift, fingerprint }: DatabaseState): string | null =>
  drift?.found ?? fingerprint;
