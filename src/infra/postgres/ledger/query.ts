import type { EventQuery } from "../../../domain/ledger/ledger.ts";
import { instant } from "../../ledger/instant.ts";

export interface LedgerQuery {
  readonly text: string;
  readonly values: readonly unknown[];
}

const COLUMNS = `e.idx AS "index", e.id, e.stream, e.stream_pos AS "streamVersion", e.type, e.v,
  e.time, e.actor, e.actor_kind AS "actorKind", e.correlation, e.causation,
  encode(e.leaf_hash, 'hex') AS "leafHash", p.data AS payload`;

/** Outer: an event without its payload is reported by who reads it, not passed over. */
const FROM = "event e LEFT JOIN payload p ON p.idx = e.idx";

/** Every event of a range, in order. */
export const READ_RANGE = `SELECT ${COLUMNS} FROM ${FROM}
  WHERE e.idx BETWEEN $1 AND $2 ORDER BY e.idx LIMIT $3`;

/** A chunk of events with what folds need. */
export const FOLD_RANGE = `SELECT e.idx, e.stream, e.stream_pos, e.type, e.v, e.time, e.actor, p.data
  FROM ${FROM} WHERE e.idx >= $1 ORDER BY e.idx LIMIT $2`;

/**
 * The statement of a query. The bounds on time are bounds on the index, too: if a clock was once
 * set back by `timeBack`, everything up to an event earlier than `from − timeBack` is earlier than
 * `from`, and everything after one later than `to + timeBack` is later than `to`.
 */
export function ledgerQuery(query: EventQuery, timeBack: number): LedgerQuery {
  const where: string[] = [];
  const values: unknown[] = [];
  const add = (condition: (place: string) => string, value: unknown): void => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  const { stream, types, actor, correlation, from, to, after, order } = query;
  if (correlation !== undefined) add((at) => `e.correlation = ${at}`, correlation);
  if (stream !== undefined) add((at) => `e.stream = ${at}`, stream);
  if (actor !== undefined) add((at) => `e.actor = ${at}`, actor);
  if (types !== undefined) add((at) => `e.type = ANY (${at}::text[])`, types);
  if (after !== undefined) add((at) => `e.idx ${order === "asc" ? ">" : "<"} ${at}`, after);
  if (from !== undefined) {
    add((at) => `e.time >= ${at}`, instant(from));
    add((at) => `e.idx > coalesce(${edge("<", at, "DESC")}, -1)`, instant(from, -timeBack));
  }
  if (to !== undefined) {
    add((at) => `e.time <= ${at}`, instant(to));
    add((at) => `e.idx < coalesce(${edge(">", at, "ASC")}, ${BEYOND})`, instant(to, timeBack));
  }
  values.push(query.limit);
  const conditions = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
  // The places of a stream grow as the indexes do, and its index has only those.
  const by = stream !== undefined && correlation === undefined ? "e.stream_pos" : "e.idx";
  const text = `SELECT ${COLUMNS} FROM ${FROM} ${conditions}
    ORDER BY ${by} ${order} LIMIT $${values.length}`;
  return { text, values };
}

const BEYOND = "9223372036854775807";

const edge = (sign: "<" | ">", at: string, order: "ASC" | "DESC"): string =>
  `(SELECT idx FROM event WHERE time ${sign} ${at} ORDER BY time ${order}, idx ${order} LIMIT 1)`;
