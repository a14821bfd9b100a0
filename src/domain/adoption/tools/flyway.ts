import { claimedTime } from "../claimed-time.ts";
import type { AdoptedState } from "../events.ts";
import { rowsOf, type FoundHistory, type Row } from "../history-table.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow, type Reading } from "../reading.ts";

/** Rows are ranked; `repair` deletes and rewrites them: what it took away is not here. */
export const flyway: HistoryTool = {
  name: "flyway",
  needed: ["installed_rank", "script"],
  title: "Flyway",
  usualNames: ["flyway_schema_history", "schema_version"],
  byColumns: true,
  fits: atLeast("installed_rank", "script", "checksum", "success"),
  read,
};

function read({ table }: FoundHistory): Reading {
  const ranked = rowsOf(table).toSorted(
    (a, b) => (a.number("installed_rank") ?? 0) - (b.number("installed_rank") ?? 0),
  );
  const rows = ranked.filter((row) => !isMarker(row)).map(rowOf);
  return { rows: lastDecides(rows), findings: [] };
}

/** Flyway notes that it created the schema; that is no migration. */
const isMarker = (row: Row): boolean => row.text("type") === "SCHEMA";

function rowOf(row: Row): Omit<ReadRow, "decides"> {
  const version = row.text("version");
  const script = row.text("script") ?? "";
  const checksum = row.text("checksum");
  const by = row.text("installed_by");
  const at = claimedTime(row.text("installed_on"), "utc");
  const durationMs = row.number("execution_time");
  const state = stateOf(row);
  return {
    row,
    version,
    name: row.text("description") ?? script,
    state,
    claimed: {
      ...(at === undefined ? {} : { at, atIs: "run" }),
      // Empty on SQLite.
      ...(by === undefined || by === "" ? {} : { by, byIs: "database-user" }),
      ...(durationMs === undefined ? {} : { durationMs }),
    },
    ...(checksum === undefined ? {} : { checksum: { algorithm: "flyway-crc32", value: checksum } }),
    ...(version === undefined ? { note: "Repeatable: it has no version" } : {}),
    file: { name: script, ...(version === undefined ? {} : { version }) },
    ...(state === "baseline" ? { implies: true } : {}),
  };
}

function stateOf(row: Row): AdoptedState {
  const type = row.text("type") ?? "";
  if (!row.flag("success")) return "failed";
  if (type === "DELETE" || type.startsWith("UNDO")) return "reverted";
  return type === "BASELINE" || type === "SQL_BASELINE" ? "baseline" : "applied";
}
