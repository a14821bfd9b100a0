import type { BackupStore } from "../domain/backup/backup-store.ts";
import { SERVICE_STREAM } from "../domain/events.ts";
import type { Ledger } from "../domain/ledger/ledger.ts";
import type { Context } from "../domain/shared/actor.ts";
import { Conflict } from "../domain/shared/errors.ts";
import type { LedgerState } from "../domain/state/state.ts";
import type { RecordedPlace } from "../infra/page-store/backup-place.ts";

/**
 * Records that backups lie elsewhere than the ledger says. Every backup that it counts on must be
 * there: Conflict backup-store-incomplete, and nothing is recorded.
 */
export async function recordBackupStore(
  ledger: Pick<Ledger, "append">,
  state: LedgerState,
  store: Pick<BackupStore, "manifest">,
  place: RecordedPlace | null,
  context: Context,
): Promise<void> {
  const before = state.backupStore;
  if (before?.url === place?.url && before?.endpoint === place?.endpoint) return;
  await requireComplete(state, store, place);
  await ledger.append({
    stream: SERVICE_STREAM,
    expected: "any",
    events: [{ type: "BackupStoreChanged", data: { place } }],
    context,
  });
}

async function requireComplete(
  { backups, ledgerBackups, backupStore }: LedgerState,
  store: Pick<BackupStore, "manifest">,
  place: RecordedPlace | null,
): Promise<void> {
  const stored = [...backups.values()].filter(({ status }) => COUNTED_ON.has(status));
  const ids = [...stored.map(({ id }) => id), ...ledgerBackups.kept.slice(-1)];
  const missing: string[] = [];
  for (const id of ids) if ((await store.manifest(id)) === undefined) missing.push(id);
  if (missing.length === 0) return;
  const [from, to] = [backupStore, place].map((one) => one?.url ?? "the data directory");
  throw new Conflict(
    "backup-store-incomplete",
    `${missing.length} of ${ids.length} backups that the ledger counts on lie in ${from} and not in ${to}`,
    {
      hint: `Copy everything in ${from} but scratch/ to ${to} first (names are the same), or name the place where they are`,
      details: { missing: missing.slice(0, 10) },
    },
  );
}

const COUNTED_ON: ReadonlySet<string> = new Set(["completed", "verified"]);
