import { claimedTime } from "../claimed-time.ts";
import { rowsOf, type Row } from "../history-table.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow } from "../reading.ts";

/** Older editions add a row with `is_applied` false on the way down: the newest row decides. */
export const goose: HistoryTool = {
  name: "goose",
  needed: ["version_id"],
  title: "goose",
  usualNames: ["goose_db_version"],
  byColumns: true,
  fits: atLeast("version_id", "is_applied", "tstamp"),
  read: ({ table }) => ({ rows: lastDecides(rowsOf(table).map(rowOf)), findings: [] }),
};

function rowOf(row: Row): Omit<ReadRow, "decides"> {
  const version = row.text("version_id") ?? "";
  const at = claimedTime(row.text("tstamp"), "utc");
  const claimed = at === undefined ? {} : ({ at, atIs: "run" } as const);
  const common = { row, version, name: version, claimed, file: { number: version } };
  if (version === "0")
    return {
      ...common,
      name: "goose's first row",
      state: "bootstrap",
      note: "goose writes it when it makes its table; it is no migration",
    };
  return { ...common, state: row.flag("is_applied") ? "applied" : "reverted" };
}
