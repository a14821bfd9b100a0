import type { Finding } from "../migration/events.ts";
import { rowsOf, type FoundHistory } from "./history-table.ts";
import type { HistoryTool } from "./reading.ts";

/** Rows that no tool has written: what a history says that holds them, nobody can know. */
export function damageOf({ title, needed }: HistoryTool, { table }: FoundHistory): Finding[] {
  return rowsOf(table).flatMap((row) => {
    const missing = needed.filter((column) => row.isNull(column) || row.text(column) === "");
    if (missing.length === 0) return [];
    return [
      {
        severity: "error",
        code: "history-damaged",
        table: table.name,
        message: `Row ${row.position + 1} of ${table.name} has no ${missing.join(", ")}: ${title} never writes such a row`,
        hint: "Find out what happened to the table, or bring it back from a copy; then adopt again",
      },
    ];
  });
}

/** Somebody has looked, and no other process holds the lock. */
export const withConfirmedLocks = (
  findings: readonly Finding[],
  confirmed: boolean | undefined,
): Finding[] =>
  findings.map((finding) =>
    finding.code === "history-locked" && confirmed === true
      ? {
          severity: "warning",
          code: finding.code,
          message: `${finding.message}. It was confirmed that nobody holds it`,
        }
      : finding,
  );
