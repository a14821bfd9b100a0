import type { Finding } from "../../migration/events.ts";
import { claimedTime } from "../claimed-time.ts";
import type { AdoptedState } from "../events.ts";
import { fold, rowsOf, type FoundHistory, type Row } from "../history-table.ts";
import { versionFrom } from "../names.ts";
import { atLeast, lastDecides, type HistoryTool, type ReadRow, type Reading } from "../reading.ts";

/** AUTHOR is a text in the changelog: who ran it is not recorded. Rows vanish on rollback. */
export const liquibase: HistoryTool = {
  name: "liquibase",
  needed: ["id", "author", "filename"],
  title: "Liquibase",
  usualNames: ["databasechangelog"],
  byColumns: true,
  fits: atLeast("id", "author", "filename", "md5sum", "exectype"),
  companions: (table) => [`${table}lock`, "databasechangeloglock"],
  read,
};

function read({ table, companions }: FoundHistory): Reading {
  const ordered = rowsOf(table).toSorted(
    (a, b) => (a.number("orderexecuted") ?? 0) - (b.number("orderexecuted") ?? 0),
  );
  const toolVersion = ordered.findLast((row) => !row.isNull("liquibase"))?.text("liquibase");
  const locks = companions.filter(({ name }) => fold(name).endsWith("lock"));
  return {
    ...(toolVersion === undefined ? {} : { toolVersion }),
    rows: lastDecides(ordered.map(rowOf)),
    findings: locks
      .flatMap(rowsOf)
      .filter((row) => row.flag("locked"))
      .map(locked),
  };
}

function rowOf(row: Row, at: number): Omit<ReadRow, "decides"> {
  const [id, author] = [row.text("id") ?? "", row.text("author") ?? ""];
  const value = row.text("md5sum");
  const claimedAt = claimedTime(row.text("dateexecuted"), "unknown");
  const type = row.text("exectype") ?? "";
  return {
    row,
    // The pair of author and id can hold anything: the order is what makes a version of it.
    version: versionFrom(`${row.number("orderexecuted") ?? at + 1}-${author}-${id}`),
    name: row.text("comments") || row.text("description") || `${author}:${id}`,
    state: stateOf(type),
    claimed: {
      ...(claimedAt === undefined ? {} : { at: claimedAt, atIs: "run" }),
      author,
    },
    ...(value === undefined ? {} : { checksum: { algorithm: algorithmOf(value), value } }),
    ...(type === "MARK_RAN" ? { note: "Marked as run: it was not executed" } : {}),
    file: { toolId: `${author}:${id}` },
  };
}

const algorithmOf = (value: string): string => (value.startsWith("9:") ? "liquibase-9" : "unknown");

function stateOf(type: string): AdoptedState {
  if (type === "FAILED") return "failed";
  return type === "SKIPPED" ? "skipped" : "applied";
}

function locked(row: Row): Finding {
  const by = row.text("lockedby") ?? "somebody";
  const since = row.text("lockgranted");
  return {
    severity: "error",
    code: "history-locked",
    message: `Liquibase's lock is held by ${by}${since === undefined ? "" : ` since ${since}`}: another run may be active, or one was killed`,
    hint: "Make sure that no Liquibase runs, then adopt with --confirm-unlocked and a reason",
  };
}
