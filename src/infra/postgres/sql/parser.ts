import type * as PgQuery from "libpg-query";

type Parser = Pick<typeof PgQuery, "parseSync">;

let parser: Parser | undefined;

/** Loads the server's own parser (WebAssembly, some 30 ms); what parses needs it. Idempotent. */
export async function loadParser(): Promise<void> {
  if (parser !== undefined) return;
  const module = await import("libpg-query");
  await module.loadModule();
  parser = module;
}

/** A part of a syntax tree. */
export type Node = { readonly [member: string]: unknown };

/** One statement of a text. */
export interface Parsed {
  /** Its text, without what is around it. */
  readonly sql: string;
  /** 1-based line of its first token. */
  readonly line: number;
  /** `SelectStmt`, `IndexStmt` … */
  readonly kind: string;
  readonly node: Node;
}

/** The text is not SQL as PostgreSQL understands it. */
export class SqlSyntaxError extends Error {
  /** 1-based. */
  readonly line: number;
  /** The line at which it stopped, for those who look for what else it may be. */
  readonly text: string;

  constructor(message: string, line: number, text: string) {
    super(message);
    this.line = line;
    this.text = text;
  }
}

/** Splits a text. Throws `SqlSyntaxError`. Needs `loadParser`. */
export function parseSql(sql: string): Parsed[] {
  if (parser === undefined) throw new Error("The parser of PostgreSQL is not loaded");
  if (sql.trim() === "") return [];
  const bytes = Buffer.from(sql);
  const lines = new Lines(bytes);
  return statementsOf(parser, sql).map(({ stmt = {}, stmt_location = 0, stmt_len }) => {
    // Places count bytes of UTF-8; a length that is missing reaches to the end.
    const end = stmt_len === undefined ? bytes.length : stmt_location + stmt_len;
    const text = bytes.subarray(stmt_location, end).toString("utf8");
    const [kind = "", node = {}] = Object.entries(stmt)[0] ?? [];
    const start = stmt_location + Buffer.byteLength(text.slice(0, text.search(/\S|$/)));
    return { sql: text.trim(), line: lines.at(start), kind, node: node as Node };
  });
}

interface RawStatement {
  readonly stmt?: Node;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

function statementsOf({ parseSync }: Parser, sql: string): readonly RawStatement[] {
  try {
    return (parseSync(sql).stmts ?? []) as readonly RawStatement[];
  } catch (error) {
    throw syntaxError(error, sql);
  }
}

function syntaxError(error: unknown, sql: string): Error {
  // The tree of a deeply nested expression is too deep to be read.
  if (error instanceof RangeError)
    return new SqlSyntaxError("an expression is nested too deeply", 1, "");
  if (!(error instanceof Error) || !("sqlDetails" in error)) return error as Error;
  const details = error.sqlDetails as { readonly cursorPosition?: number } | undefined;
  const at = Math.max(details?.cursorPosition ?? 0, 0);
  const line = sql.slice(0, at).split("\n").length;
  return new SqlSyntaxError(error.message, line, sql.split("\n")[line - 1] ?? "");
}

/** Counts lines, asked for ever later places. */
class Lines {
  readonly #bytes: Uint8Array;
  #at = 0;
  #line = 1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  at(offset: number): number {
    for (; this.#at < offset; this.#at += 1) if (this.#bytes[this.#at] === 10) this.#line += 1;
    return this.#line;
  }
}
