import type { EventQuery } from "../../domain/ledger/ledger.ts";
import { instant } from "../ledger/instant.ts";

/** An inclusive range of indexes. */
export interface IndexRange {
  readonly low: number;
  readonly high: number;
}

export interface LedgerQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

const COLUMNS = `e.idx AS "index", e.id, e.stream, e.stream_pos AS streamVersion, e.type, e.v,
  e.time, e.actor, e.actor_kind AS actorKind, e.correlation, e.causation,
  lower(hex(e.leaf_hash)) AS leafHash, p.data AS payload`;

/** Outer: an event without its payload is reported by who reads it, not passed over. */
const WITH_PAYLOAD = "LEFT JOIN payload p ON p.idx = e.idx";

/** Every event of a range, in order: the statement of readAll. */
export const READ_RANGE = `SELECT ${COLUMNS} FROM event e ${WITH_PAYLOAD}
  WHERE e.idx BETWEEN ? AND ? ORDER BY e.idx LIMIT ?`;

/** A chunk of events with what folds need: reading every column takes half as long again. */
export const FOLD_RANGE = `SELECT e.idx, e.stream, e.stream_pos, e.type, e.v, e.time, e.actor, p.data
  FROM event e LEFT JOIN payload p ON p.idx = e.idx WHERE e.idx >= ? ORDER BY e.idx LIMIT ?`;

/** The events of a list of indexes (JSON), in ascending or descending order. */
export const readListed = (order: "asc" | "desc"): string =>
  `SELECT ${COLUMNS} FROM json_each(?) k CROSS JOIN event e ON e.idx = k.value ${WITH_PAYLOAD}
  ORDER BY e.idx ${order}`;

/**
 * The statement of a query. One index is named outright, so that a plan can never depend on
 * statistics: the correlation's, else the stream's, the actor's, the type's, else the events in
 * order. Each of them walks in index order, so a limit stops the walk and nothing is sorted.
 * `range` already has what `after`, `from` and `to` mean; `places` the same as stream versions.
 */
export function ledgerQuery(
  query: EventQuery,
  range: IndexRange,
  places: IndexRange | undefined,
): LedgerQuery {
  const { types } = query;
  if (query.correlation !== undefined) return walk("event_by_correlation", query, range);
  if (places !== undefined) return walk("event_by_stream", query, places);
  if (query.actor !== undefined) return walk("event_by_actor", query, range);
  if (types !== undefined && types.length > 1) return mergeTypes(query, types, range);
  return walk(types === undefined ? undefined : "event_by_type", query, range);
}

type Driver = "event_by_correlation" | "event_by_stream" | "event_by_actor" | "event_by_type";

function walk(driver: Driver | undefined, query: EventQuery, range: IndexRange): LedgerQuery {
  const place = driver === "event_by_stream" ? "e.stream_pos" : "e.idx";
  const where = conditions(query, driver);
  const by = driver === undefined ? "NOT INDEXED" : `INDEXED BY ${driver}`;
  const sql = `SELECT ${COLUMNS} FROM event e ${by} ${WITH_PAYLOAD}
    WHERE ${[...where.sql, `${place} BETWEEN ? AND ?`].join(" AND ")}
    ORDER BY ${place} ${query.order} LIMIT ?`;
  return { sql, values: [...where.values, range.low, range.high, query.limit] };
}

/** Several types: one ordered walk each, merged. */
function mergeTypes(query: EventQuery, types: readonly string[], range: IndexRange): LedgerQuery {
  const { types: _, ...others } = query;
  const where = conditions(others, "event_by_type");
  const one = `SELECT e.idx FROM event e INDEXED BY event_by_type
    WHERE ${["e.type = ?", ...where.sql, "e.idx BETWEEN ? AND ?"].join(" AND ")}`;
  const sql = `SELECT ${COLUMNS} FROM (
      ${types.map(() => one).join(" UNION ALL ")} ORDER BY 1 ${query.order} LIMIT ?
    ) k CROSS JOIN event e ON e.idx = k.idx ${WITH_PAYLOAD}
    ORDER BY k.idx ${query.order}`;
  const values = types.flatMap((type) => [type, ...where.values, range.low, range.high]);
  return { sql, values: [...values, query.limit] };
}

interface Conditions {
  readonly sql: string[];
  readonly values: (string | number)[];
}

/** `+` keeps a condition from tempting the planner away from the named index. */
function conditions(query: Partial<EventQuery>, driver: Driver | undefined): Conditions {
  const found: Conditions = { sql: [], values: [] };
  const add = (column: string, value: string | undefined, owner?: Driver, sign = "="): void => {
    if (value === undefined) return;
    found.sql.push(`${owner !== undefined && driver === owner ? "" : "+"}e.${column} ${sign} ?`);
    found.values.push(value);
  };
  add("correlation", query.correlation, "event_by_correlation");
  add("stream", query.stream, "event_by_stream");
  add("actor", query.actor, "event_by_actor");
  if (query.types?.length === 1) add("type", query.types[0], "event_by_type");
  else if (query.types !== undefined) {
    found.sql.push(`+e.type IN (${query.types.map(() => "?").join(", ")})`);
    found.values.push(...query.types);
  }
  if (query.from !== undefined) add("time", instant(query.from), undefined, ">=");
  if (query.to !== undefined) add("time", instant(query.to), undefined, "<=");
  return found;
}
