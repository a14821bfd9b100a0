import { randomBytes } from "node:crypto";
import type { QueryResult, QueryResultRow } from "pg";
import type { Client } from "../connection/open-client.ts";

/** Nothing shows it to scripts: none can take the names first. */
const SUFFIX = randomBytes(8).toString("hex");

/** Connections on which something may have removed what was prepared. */
const unprepared = new WeakSet<Client>();

/** Runs one of the product's own statements, which the server parses and plans once a connection. */
export function query<R extends QueryResultRow>(
  client: Client,
  name: string,
  text: string,
  values: unknown[] = [],
): Promise<QueryResult<R>> {
  if (unprepared.has(client)) return client.query<R>(text, values);
  return client.query<R>({ name: `schemaledger_${name}_${SUFFIX}`, text, values });
}

/** From now on nothing on the connection counts as prepared. */
export const mistrust = (client: Client): unknown => unprepared.add(client);

/** Whether statements of others ran on it that could do anything. */
export const isMistrusted = (client: Client): boolean => unprepared.has(client);
