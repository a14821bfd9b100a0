import { expectedContents } from "./story.ts";

const counted = (limit: string): string =>
  `UPDATE item SET n = n + (WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c${limit})
SELECT 0 * count(*) FROM c) WHERE id = 1;`;

/** A version between the story's second and third that never ends. */
export const RUNAWAY = { version: "2.5", name: "without end", up: counted("") };

/** The same, but it ends after about a second; it changes nothing but the marker. */
export const SLOW = { version: "2.5", name: "slow", up: counted(" WHERE i < 4000000") };

/** The contents of the story with the slow version applied or not. */
export function contentsWithSlow(): ReadonlyMap<string, string> {
  const contents = new Map(expectedContents());
  contents.set("1,2,2.5", contents.get("1,2")!);
  return contents;
}
