import type { Client } from "../connection/open-client.ts";

/** Rows of one statement of several. */
export type Rows = readonly { readonly [column: string]: unknown }[];

/**
 * Sends several statements as one text and answers the rows of each: one way there and back. Fails with the
 * first that fails; those behind it are not executed.
 */
export async function batch(
  client: Client,
  statements: readonly string[],
): Promise<readonly Rows[]> {
  const answer = (await client.query(statements.join(";\n"))) as unknown;
  const results = (Array.isArray(answer) ? answer : [answer]) as readonly { readonly rows: Rows }[];
  return results.map(({ rows }) => rows);
}
