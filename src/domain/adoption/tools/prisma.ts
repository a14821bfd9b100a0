import { claimedTime } from "../claimed-time.ts";
import type { AdoptedState } from "../events.ts";
import { rowsOf, type Row } from "../history-table.ts";
import { fromFileName, versionFrom } from "../names.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow } from "../reading.ts";

/** Several rows of one name are possible: failed, marked as rolled back, then run again. */
export const prisma: HistoryTool = {
  name: "prisma",
  needed: ["migration_name", "checksum"],
  title: "Prisma",
  usualNames: ["_prisma_migrations"],
  byColumns: true,
  fits: atLeast("checksum", "migration_name", "applied_steps_count", "rolled_back_at"),
  read: ({ table }) => {
    const rows = rowsOf(table).toSorted(byStart).map(rowOf);
    return { rows: lastDecides(rows), findings: [] };
  },
};

const byStart = (a: Row, b: Row): number => {
  const [left, right] = [a.text("started_at") ?? "", b.text("started_at") ?? ""];
  return left < right ? -1 : left > right ? 1 : a.position - b.position;
};

function rowOf(row: Row): Omit<ReadRow, "decides"> {
  const folder = row.text("migration_name") ?? "";
  const [started, finished] = ["started_at", "finished_at"].map((column) => row.text(column));
  const at = claimedTime(finished ?? started, "utc");
  const checksum = row.text("checksum");
  const logs = row.text("logs");
  return {
    row,
    ...fromFileName(folder),
    state: stateOf(row),
    claimed: at === undefined ? {} : { at, atIs: "run" },
    ...(checksum === undefined
      ? {}
      : { checksum: { algorithm: "prisma-sha256", value: checksum } }),
    ...(logs === undefined || logs === "" ? {} : { note: `Prisma's log: ${logs.slice(0, 500)}` }),
    file: { name: folder },
  };
}

/** Failed is what neither finished nor was marked as rolled back. */
function stateOf(row: Row): AdoptedState {
  if (!row.isNull("rolled_back_at")) return "reverted";
  return row.isNull("finished_at") ? "failed" : "applied";
}

/** A journal of successes: what failed was never written. */
export const prisma8: HistoryTool = {
  name: "prisma-8",
  needed: ["migration_name"],
  title: "Prisma 8",
  usualNames: ["_prisma_ledger"],
  byColumns: true,
  fits: atLeast("migration_name", "migration_hash", "origin_core_hash", "destination_core_hash"),
  read: ({ table }) => ({ rows: lastDecides(rowsOf(table).map(ledgerRow)), findings: [] }),
};

function ledgerRow(row: Row): Omit<ReadRow, "decides"> {
  const name = row.text("migration_name") ?? "";
  const at = claimedTime(row.text("created_at"), "utc");
  const value = row.text("migration_hash");
  return {
    row,
    version: versionFrom(fromFileName(name).version),
    name,
    state: "applied",
    claimed: at === undefined ? {} : { at, atIs: "run" },
    ...(value === undefined ? {} : { checksum: { algorithm: "unknown", value } }),
    file: { name },
  };
}
