import type { DatabaseState, LedgerState } from "./state.ts";

/** The backup that a database would be brought back from; null if there is none. */
export function newestVerified(state: LedgerState, database: DatabaseState): string | null {
  let newest: { readonly id: string; readonly index: number } | null = null;
  for (const { id, databaseId, kind, status, started } of state.backups.values())
    if (databaseId === database.id && kind === "full" && status === "verified")
      if (newest === null || started.index > newest.index) newest = { id, index: started.index };
  return newest?.id ?? null;
}
