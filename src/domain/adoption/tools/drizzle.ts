import type { Claimed } from "../events.ts";
import { claimedTime, ofMilliseconds } from "../claimed-time.ts";
import { rowsOf, type Row } from "../history-table.ts";
import { fromFileName, versionFrom } from "../names.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow } from "../reading.ts";

/**
 * `created_at` is a time in the file's journal, not that of a run; on SQLite every id is NULL, so it
 * is what orders. 1.0 adds a name and the time of the run.
 */
export const drizzle: HistoryTool = {
  name: "drizzle",
  needed: ["hash", "created_at"],
  title: "Drizzle",
  usualNames: ["__drizzle_migrations"],
  byColumns: false,
  fits: atLeast("id", "hash", "created_at"),
  read: ({ table }) => {
    const ordered = rowsOf(table).toSorted(
      (a, b) => createdAt(a) - createdAt(b) || a.position - b.position,
    );
    const isNewer = table.columns.some((column) => column.toLowerCase() === "applied_at");
    return {
      toolVersion: isNewer ? "1.x" : "0.x",
      rows: lastDecides(ordered.map(rowOf)),
      findings: [],
    };
  },
};

const createdAt = (row: Row): number => Number(row.text("created_at") ?? Number.NaN) || 0;

function rowOf(row: Row): Omit<ReadRow, "decides"> {
  const hash = row.text("hash") ?? "";
  const name = row.text("name");
  const named = name === undefined ? undefined : fromFileName(name);
  const own = named ?? {
    version: versionFrom(row.text("created_at") ?? hash),
    name: `hash ${hash.slice(0, 12)}`,
  };
  return {
    row,
    ...own,
    state: "applied",
    claimed: claimedOf(row),
    checksum: { algorithm: "drizzle-sha256", value: hash },
    file: { checksum: true, ...(name === undefined ? {} : { name }) },
  };
}

function claimedOf(row: Row): Claimed {
  const run = claimedTime(row.text("applied_at"), "utc");
  if (run !== undefined) return { at: run, atIs: "run" };
  const file = ofMilliseconds(Number(row.text("created_at") ?? Number.NaN));
  return file === undefined ? {} : { at: file, atIs: "file" };
}
