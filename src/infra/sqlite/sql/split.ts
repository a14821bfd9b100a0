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
  const reader = new TokenReader(sql);
  while (reader.at < sql.length) {
    const kind = reader.read();
    const { at } = reader;
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

/** Reads classes of tokens. A field instead of a result keeps it free of allocation. */
class TokenReader {
  /** Offset behind the last token. */
  at = 0;
  readonly #sql: string;

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** The class of the next token; must not be called at the end. */
  read(): number {
    const { at } = this;
    const c = this.#sql[at]!;
    switch (c) {
      case ";":
        return this.#past(SEMI, at + 1);
      case "'":
      case '"':
      case "`":
        // A doubled quote reads as two strings side by side: no difference here.
        return this.#behind(OTHER, c, at + 1);
      case "[":
        return this.#behind(OTHER, "]", at + 1);
      case "/":
        if (this.#sql[at + 1] === "*") return this.#behind(SPACE, "*/", at + 2);
        return this.#past(OTHER, at + 1);
      case "-":
        if (this.#sql[at + 1] === "-") return this.#behind(SPACE, "\n", at + 2);
        return this.#past(OTHER, at + 1);
      case "(":
      case ",":
      case ")":
        return this.#past(OTHER, at + 1);
      default:
        return this.#spaceOrWord();
    }
  }

  #spaceOrWord(): number {
    const { at } = this;
    BLANK.lastIndex = at;
    if (BLANK.test(this.#sql)) return this.#past(SPACE, BLANK.lastIndex);
    WORD.lastIndex = at;
    if (!WORD.test(this.#sql)) return this.#past(OTHER, at + 1);
    const end = this.#past(WORD.lastIndex, WORD.lastIndex);
    if (end - at > LONGEST_WORD) return OTHER;
    return WORDS.get(this.#sql.slice(at, end).toLowerCase()) ?? OTHER;
  }

  #behind(kind: number, mark: string, from: number): number {
    const at = this.#sql.indexOf(mark, from);
    return this.#past(kind, at < 0 ? this.#sql.length : at + mark.length);
  }

  #past(kind: number, at: number): number {
    this.at = at;
    return kind;
  }
}
