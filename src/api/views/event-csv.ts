import type { AuditRow } from "../../domain/audit/audit-log.ts";
import { databaseIdOf } from "../../domain/events.ts";
import type { Names } from "./names.ts";

const HEADER =
  "index,id,type,stream,streamVersion,time,actorId,actorName,actorKind,correlationId,causationId,database,leafHash,data";

/** Characters with which a spreadsheet would take a cell for a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** The first line of events as CSV. */
export const EVENT_CSV_HEAD = `${HEADER}\r\n`;

/** Events as CSV (RFC 4180). No cell can become a formula: such cells start with an apostrophe. */
export const eventCsv = (rows: readonly AuditRow[], names: Names): string =>
  rows.map((row) => `${line(row, names)}\r\n`).join("");

function line(row: AuditRow, names: Names): string {
  const actor = names.actor(row.actor);
  const databaseId = databaseIdOf(row.stream);
  return [
    String(row.index),
    row.id,
    row.type,
    row.stream,
    String(row.streamVersion),
    row.time,
    actor.id,
    actor.name,
    row.actorKind,
    row.correlation,
    row.causation ?? "",
    databaseId === undefined ? "" : names.database(databaseId),
    row.leafHash,
    dataOf(row, names),
  ]
    .map(cell)
    .join(",");
}

function dataOf({ payload }: AuditRow, names: Names): string {
  if (payload === null) return "";
  const { data } = JSON.parse(names.openText(payload)) as { data: unknown };
  return JSON.stringify(data);
}

/** One cell, quoted where needed. */
export function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
