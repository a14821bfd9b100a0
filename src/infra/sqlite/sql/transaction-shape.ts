import type { ScriptPart } from "./script-part.ts";

/** What of a script's own transaction control can be left out without changing its meaning. */
export interface TransactionShape {
  readonly leftOut: ReadonlySet<ScriptPart>;
  /** In words, with statement numbers. */
  readonly rewritings: readonly string[];
}

/**
 * Recognises two shapes: the idiom `COMMIT; PRAGMA foreign_keys = …; BEGIN` that breaks out of
 * another tool's transaction (any number of times), and one outermost pair `BEGIN … COMMIT`,
 * which may have PRAGMAs around it. Everything else stays and is for the caller to refuse.
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
  const pair = outermostPair(parts.filter((part) => !leftOut.has(part)));
  if (pair !== undefined) {
    for (const part of pair) leftOut.add(part);
    rewritings.push(
      `Left out ${label(pair[0])} and ${label(pair[1])}: the step runs in a transaction of its own`,
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

function outermostPair(parts: readonly ScriptPart[]): [ScriptPart, ScriptPart] | undefined {
  const controls = parts.filter((part) => part.control !== null);
  const body = parts.filter((part) => part.pragma === null);
  const [first, last] = controls;
  if (first?.control !== "begin" || last?.control !== "commit" || controls.length !== 2)
    return undefined;
  return body[0] === first && body.at(-1) === last ? [first, last] : undefined;
}

const isForeignKeys = (part: ScriptPart): boolean =>
  part.pragma?.action === "skip" && part.pragma.name === "foreign_keys";

const label = ({ statement }: ScriptPart): string =>
  `statement ${statement.number} (${statement.sql.replace(/\s*;$/, "").replace(/\s+/g, " ").slice(0, 60)})`;
