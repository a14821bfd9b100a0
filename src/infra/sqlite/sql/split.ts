import { InvalidInput } from "../../../domain/shared/errors.ts";

/** A statement with the space and comments before it. */
export interface Piece {
  readonly sql: string;
  /** Offsets (UTF-16) in the script; `end` is behind the `;`. */
  readonly start: number;
  readonly end: number;
  /** False only for a last statement without `;`. */
  readonly terminated: boolean;
}

// Classes of tokens.
const SEMI = 0;
const SPACE = 1;
const OTHER = 2;
const EXPLAIN = 3;
const CREATE = 4;
const TEMP = 5;
const TRIGGER = 6;
const END = 7;

const START = 1;
/** States of `sqlite3_complete()`: a trigger ends with `; END ;`, all else with `;`. */
const NEXT: readonly (readonly number[])[] = [
  //             ;  sp other explain create temp trigger end
  /* invalid   */ [1, 0, 2, 3, 4, 2, 2, 2],
  /* start     */ [1, 1, 2, 3, 4, 2, 2, 2],
  /* normal    */ [1, 2, 2, 2, 2, 2, 2, 2],
  /* explain   */ [1, 3, 3, 2, 4, 2, 2, 2],
  /* create    */ [1, 4, 2, 2, 2, 4, 5, 2],
  /* trigger   */ [6, 5, 5, 5, 5, 5, 5, 5],
  /* trigger ; */ [6, 6, 5, 5, 5, 5, 5, 7],
  /* ; end     */ [1, 7, 5, 5, 5, 5, 5, 5],
];

const WORDS: ReadonlyMap<string, number> = new Map([
  ["create", CREATE],
  ["trigger", TRIGGER],
  ["temp", TEMP],
  ["temporary", TEMP],
  ["end", END],
  ["explain", EXPLAIN],
]);
const LONGEST_WORD = "temporary".length;

const WORD = /[A-Za-z0-9_$\x80-\uffff]+/y;
const BLANK = /[ \t\n\f\r\ufeff]+/y;

/**
 * Cuts a script into statements as SQLite itself would, in time linear in the text. Empty
 * statements are left out. Throws `InvalidInput` with code `nul-in-sql` for a NUL character,
 * at which SQLite would stop reading and report success.
 */
export function splitSqlite(sql: string): Piece[] {
  if (sql.includes("\0"))
    throw new InvalidInput("nul-in-sql", "The SQL text has a NUL character", {
      hint: "Remove the NUL character: SQLite would ignore everything behind it",
    });
  const pieces: Piece[] = [];
  let state = START;
  let start = 0;
  let any = false;
  for (let at = 0; at < sql.length;) {
    const [kind, next] = readToken(sql, at);
    at = next;
    if (kind !== SPACE && kind !== SEMI) any = true;
    state = NEXT[state]![kind]!;
    if (state !== START || kind !== SEMI) continue;
    if (any) pieces.push({ sql: sql.slice(start, at), start, end: at, terminated: true });
    start = at;
    any = false;
  }
  if (any) pieces.push({ sql: sql.slice(start), start, end: sql.length, terminated: false });
  return pieces;
}

/** False for a statement with an open quote, comment or trigger; a missing `;` does not matter. */
export function isComplete(statement: string): boolean {
  return splitSqlite(`${statement}\n;`).every((piece) => piece.terminated);
}

function readToken(sql: string, at: number): [kind: number, next: number] {
  const c = sql[at]!;
  switch (c) {
    case ";":
      return [SEMI, at + 1];
    case "'":
    case '"':
    case "`":
      // A doubled quote reads as two strings side by side: no difference here.
      return [OTHER, behind(sql, c, at + 1)];
    case "[":
      return [OTHER, behind(sql, "]", at + 1)];
    case "/":
      return sql[at + 1] === "*" ? [SPACE, behind(sql, "*/", at + 2)] : [OTHER, at + 1];
    case "-":
      return sql[at + 1] === "-" ? [SPACE, behind(sql, "\n", at)] : [OTHER, at + 1];
    default:
  }
  BLANK.lastIndex = at;
  if (BLANK.test(sql)) return [SPACE, BLANK.lastIndex];
  WORD.lastIndex = at;
  if (!WORD.test(sql)) return [OTHER, at + 1];
  const end = WORD.lastIndex;
  if (end - at > LONGEST_WORD) return [OTHER, end];
  return [WORDS.get(sql.slice(at, end).toLowerCase()) ?? OTHER, end];
}

function behind(sql: string, mark: string, from: number): number {
  const at = sql.indexOf(mark, from);
  return at < 0 ? sql.length : at + mark.length;
}
