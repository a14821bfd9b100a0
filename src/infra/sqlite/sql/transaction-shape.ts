import type { ScriptPart } from "./script-part.ts";

/** What of a script's own transaction control can be left out without changing its meaning. */
export interface TransactionShape {
  readonly leftOut: ReadonlySet<ScriptPart>;
  /** In words, with statement numbers. */
  readonly rewritings: readonly string[];
}

/**
 * Recognises two shapes: the idiom `COMMIT; PRAGMA foreign_keys = …; BEGIN` that breaks out of
 * another tool's transaction (any number of times), and pairs `BEGIN … COMMIT` one after the other
 * that hold every statement but PRAGMAs: in one transaction they come to the same, or to nothing.
 * Everything else stays and is for the caller to refuse.
 */
export function transactionShape(parts: readonly ScriptPart[]): TransactionShape {
  const leftOut = new Set<ScriptPart>();
  const rewritings: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    const end = breakOutEnd(parts, at);
    if (end === undefined) continue;
    const [commit, begin] = [parts[at]!, parts[end]!];
    leftOut.add(commit).add(begin);
    rewritings.push(
      `Left out ${label(commit)} and ${label(begin)} around PRAGMA foreign_keys: the step is one transaction with foreign keys off`,
    );
    at = end;
  }
  for (const [begin, commit] of outermostPairs(parts.filter((part) => !leftOut.has(part)))) {
    leftOut.add(begin).add(commit);
    rewritings.push(
      `Left out ${label(begin)} and ${label(commit)}: the step runs in a transaction of its own`,
    );
  }
  return { leftOut, rewritings };
}

/** The place of the BEGIN if the idiom starts at `from`. */
function breakOutEnd(parts: readonly ScriptPart[], from: number): number | undefined {
  if (parts[from]?.control !== "commit") return undefined;
  let at = from + 1;
  let foreignKeys = false;
  for (; parts[at]?.pragma != null; at++) if (isForeignKeys(parts[at]!)) foreignKeys = true;
  return foreignKeys && parts[at]?.control === "begin" ? at : undefined;
}

/** None unless every statement lies between a BEGIN and its COMMIT. */
function outermostPairs(parts: readonly ScriptPart[]): [ScriptPart, ScriptPart][] {
  const pairs: [ScriptPart, ScriptPart][] = [];
  let open: ScriptPart | undefined;
  for (const part of parts) {
    if (part.pragma !== null) continue;
    if (part.control === (open === undefined ? "begin" : null)) {
      open ??= part;
    } else if (open !== undefined && part.control === "commit") {
      pairs.push([open, part]);
      open = undefined;
    } else return [];
  }
  return open === undefined ? pairs : [];
}

const isForeignKeys = (part: ScriptPart): boolean =>
  part.pragma?.action === "skip" && part.pragma.name === "foreign_keys";

const label = ({ statement }: ScriptPart): string =>
  `statement ${statement.number} (${statement.sql.replace(/\s*;$/, "").replace(/\s+/g, " ").slice(0, 60)})`;
