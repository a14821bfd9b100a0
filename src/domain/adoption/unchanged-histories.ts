import type { DatabaseEngine } from "../engine/database-engine.ts";
import { jcs } from "../ledger/jcs.ts";
import type { Digest } from "../shared/digest.ts";
import { Conflict } from "../shared/errors.ts";
import type { Json } from "../shared/json.ts";
import type { DatabaseState } from "../state/state.ts";
import { historyKey } from "./adoption-state.ts";
import { rowsOf, type TableContent } from "./history-table.ts";
import { toolNamed } from "./tools/tools.ts";

/** `sha256:` + hex over JCS of the rows in source order. */
export const dumpDigest = (table: TableContent, digest: Digest): string =>
  digest.ofText(jcs(rowsOf(table).map((row) => row.verbatim()) as unknown as Json));

/**
 * Refuses to go on where the other tool has gone on, too: two histories that grow apart are nobody's.
 * A table that is gone was cleared away. Error: `Conflict` history-changed.
 */
export async function refuseChangedHistories(
  { name, histories }: DatabaseState,
  engine: Pick<DatabaseEngine, "histories">,
  digest: Digest,
): Promise<void> {
  if (histories.size === 0) return;
  const found = await engine.histories({ registered: true });
  for (const { tool, table, beside } of found.histories) {
    const known = histories.get(historyKey(table.name, beside));
    if (known === undefined || known.dumpDigest === dumpDigest(table, digest)) continue;
    throw new Conflict(
      "history-changed",
      `${table.name} of ${toolNamed(tool).title} in ${name} is not as it was adopted: it had ${known.rows} rows, and has ${table.rows.length}`,
      { hint: `Look what the tool did, then adopt again: schemaledger adopt ${name}` },
    );
  }
}
