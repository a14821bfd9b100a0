/** `parameter`: `?`, `?1`, `:a`, `@a`, `$a`. `quoted`: a name in `"`, `` ` `` or `[ ]`. */
export type TokenKind = "word" | "quoted" | "string" | "number" | "parameter" | "op";

// Inside an identifier every non-ASCII character counts, a byte order mark too.
const WORD = /[A-Za-z0-9_$\x80-\uffff]+/y;
const NUMBER =
  /(?:0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)[A-Za-z0-9_$\x80-\uffff]*/y;
const PARAMETER = /\?[0-9]*|[:@#$][A-Za-z0-9_$:\x80-\uffff]+/y;

const PUNCTUATION: ReadonlySet<string> = new Set("(),;=<>+-*/%&|~!.");
const BOM = 0xfeff;
/** With line feed, vertical tab and form feed between them. */
const TAB = 0x09;
const RETURN = 0x0d;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;

/**
 * Reads SQLite's tokens one after the other without keeping them, in time linear in the text.
 * Comments and space are skipped. A vertical tab counts as space although SQLite takes it for
 * space only behind other space: a gate must not overlook a word that SQLite would see.
 */
export class SqlScanner {
  kind: TokenKind = "op";
  /** Offsets (UTF-16) of the present token. */
  start = 0;
  end = 0;
  /** What was still open at the end of the text. Known when `next` returned false. */
  unclosed: "comment" | "quote" | null = null;
  readonly #sql: string;

  constructor(sql: string, offset = 0) {
    this.#sql = sql;
    this.start = this.end = offset;
  }

  get text(): string {
    return this.#sql.slice(this.start, this.end);
  }

  /** A second scanner that continues behind the present token. */
  fork(): SqlScanner {
    return new SqlScanner(this.#sql, this.end);
  }

  /** Goes to the next token; false at the end of the text. */
  next(): boolean {
    this.#skip();
    this.start = this.end;
    if (this.start >= this.#sql.length) return false;
    const c = this.#sql[this.start]!;
    if (c === "'") this.#quote("string", 1, "'");
    else if (c === '"' || c === "`") this.#quote("quoted", 1, c);
    else if (c === "[") this.#bracket();
    else if ((c === "x" || c === "X") && this.#sql[this.start + 1] === "'")
      this.#quote("string", 2, "'");
    else this.#plain(c);
    return true;
  }

  #skip(): void {
    const sql = this.#sql;
    for (;;) {
      const code = sql.charCodeAt(this.end);
      if (code === 0x20 || (code >= TAB && code <= RETURN) || code === BOM) this.end += 1;
      else if (code === DASH && sql.charCodeAt(this.end + 1) === DASH) this.#comment("\n");
      else if (code === SLASH && sql.charCodeAt(this.end + 1) === STAR) this.#comment("*/");
      else return;
    }
  }

  #comment(mark: string): void {
    const at = this.#sql.indexOf(mark, this.end + 2);
    if (at < 0 && mark === "*/") this.unclosed = "comment";
    this.end = at < 0 ? this.#sql.length : at + mark.length;
  }

  #quote(kind: TokenKind, prefix: number, quote: string): void {
    const sql = this.#sql;
    this.kind = kind;
    let at = this.start + prefix;
    for (;;) {
      at = sql.indexOf(quote, at);
      if (at < 0) return this.#open();
      if (sql[at + 1] !== quote) break;
      at += 2;
    }
    this.end = at + 1;
  }

  #bracket(): void {
    this.kind = "quoted";
    const at = this.#sql.indexOf("]", this.start + 1);
    if (at < 0) this.#open();
    else this.end = at + 1;
  }

  #open(): void {
    this.unclosed = "quote";
    this.end = this.#sql.length;
  }

  #plain(c: string): void {
    if ((c >= "0" && c <= "9") || c === ".") {
      if (this.#match("number", NUMBER)) return;
    } else if ("?:@#$".includes(c)) {
      if (this.#match("parameter", PARAMETER)) return;
    }
    if (!PUNCTUATION.has(c) && this.#match("word", WORD)) return;
    this.kind = "op";
    this.end = this.start + 1;
  }

  #match(kind: TokenKind, pattern: RegExp): boolean {
    pattern.lastIndex = this.start;
    if (!pattern.test(this.#sql)) return false;
    this.kind = kind;
    this.end = pattern.lastIndex;
    return true;
  }
}

/** True if a quote or comment is still open at the end of the text. */
export function endsOpen(sql: string): boolean {
  const scanner = new SqlScanner(sql);
  let more = true;
  while (more) more = scanner.next();
  return scanner.unclosed !== null;
}
