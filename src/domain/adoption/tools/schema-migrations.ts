import type { Finding } from "../../migration/events.ts";
import { rowsOf, type FoundHistory, type Row } from "../history-table.ts";
import { versionFrom } from "../names.ts";
import { lastDecides, only, type HistoryTool, type ReadRow } from "../reading.ts";

/*
 * Three tools call their table schema_migrations. Columns and what lies beside it tell them apart:
 * `dirty` is golang-migrate's, `ar_internal_metadata` Rails'.
 */

const NAME = ["schema_migrations"];
const RAILS = "ar_internal_metadata";

/** One row for everything: the versions below are implied. */
export const golangMigrate: HistoryTool = {
  name: "golang-migrate",
  needed: ["version"],
  title: "golang-migrate",
  usualNames: NAME,
  byColumns: true,
  fits: only("version", "dirty"),
  read: ({ table }) => {
    const rows = rowsOf(table);
    return {
      rows: lastDecides(rows.map(currentVersion)),
      findings: rows.length > 1 ? [severalRows(table.name, rows.length)] : [],
    };
  },
};

function currentVersion(row: Row): Omit<ReadRow, "decides"> {
  const version = row.text("version") ?? "";
  const dirty = row.flag("dirty");
  return {
    row,
    version: versionFrom(version),
    name: version,
    state: dirty ? "dirty" : "applied",
    claimed: {},
    file: { number: version },
    implies: true,
    note: dirty
      ? "The script of this version began and did not end well; how far it came is not recorded"
      : "golang-migrate keeps its newest version alone",
  };
}

const severalRows = (table: string, count: number): Finding => ({
  severity: "error",
  code: "history-damaged",
  message: `${table} has ${count} rows; golang-migrate keeps at most one`,
  hint: "Find out which version the database is at, and remove the other rows with the tool that made them",
});

const versionsAlone = ({ table }: FoundHistory) => ({
  rows: lastDecides(
    rowsOf(table).map((row) => {
      const version = row.text("version") ?? "";
      const file = { number: version, version };
      return {
        row,
        version: versionFrom(version),
        name: version,
        state: "applied" as const,
        claimed: {},
        file,
      };
    }),
  ),
  findings: [],
});

export const rails: HistoryTool = {
  name: "rails",
  needed: ["version"],
  title: "Rails",
  usualNames: NAME,
  byColumns: false,
  fits: (columns, others) => only("version")(columns) && others.has(RAILS),
  companions: () => [RAILS],
  read: (history) => ({ ...versionsAlone(history), findings: environmentOf(history) }),
};

function environmentOf({ companions }: FoundHistory): Finding[] {
  const found = companions.flatMap(rowsOf).find((row) => row.text("key") === "environment");
  const environment = found?.text("value");
  if (environment === undefined) return [];
  return [
    {
      severity: "info",
      code: "tool-environment",
      message: `Rails calls this database's environment ${environment}`,
    },
  ];
}

export const dbmate: HistoryTool = {
  name: "dbmate",
  needed: ["version"],
  title: "dbmate",
  usualNames: NAME,
  byColumns: false,
  fits: (columns, others) => only("version")(columns) && !others.has(RAILS),
  read: versionsAlone,
};
