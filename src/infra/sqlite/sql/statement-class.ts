import type { StatementClass } from "../../../domain/trust/sql-limits.ts";
import { SqlScanner } from "./scanner.ts";

const AFTER_CREATE: { readonly [word: string]: StatementClass } = {
  TABLE: "create-table",
  INDEX: "create-index",
  VIEW: "create-view",
  TRIGGER: "create-trigger",
  VIRTUAL: "create-virtual-table",
};
const AFTER_DROP: { readonly [word: string]: StatementClass } = {
  TABLE: "drop-table",
  INDEX: "drop-index",
  VIEW: "drop-view",
  TRIGGER: "drop-trigger",
};
const FIRST: { readonly [word: string]: StatementClass } = {
  ALTER: "alter-table",
  INSERT: "insert",
  UPDATE: "update",
  DELETE: "delete",
  REPLACE: "replace",
  SELECT: "select",
  VALUES: "select",
  PRAGMA: "pragma",
  VACUUM: "maintenance",
  REINDEX: "maintenance",
  ANALYZE: "maintenance",
};
const MAIN_VERBS: ReadonlySet<string> = new Set([
  "INSERT",
  "UPDATE",
  "DELETE",
  "REPLACE",
  "SELECT",
  "VALUES",
]);

/** What a statement is by its words; what is not known is `other`, so that nothing slips through. */
export function statementClass(sql: string): StatementClass {
  const words = new Words(new SqlScanner(sql));
  const first = words.next();
  if (first === "CREATE") return followedBy(words, AFTER_CREATE);
  if (first === "DROP") return followedBy(words, AFTER_DROP);
  // Behind the common tables comes what is done with them.
  const verb = first === "WITH" ? words.nextOutside(MAIN_VERBS) : first;
  // What takes the place of rows deletes them.
  const replaces = (verb === "INSERT" || verb === "UPDATE") && words.replaces();
  return replaces ? "replace" : classOf(FIRST, verb);
}

/** `TEMP`, `TEMPORARY` and `UNIQUE` may stand between. */
function followedBy(
  words: Words,
  classes: { readonly [word: string]: StatementClass },
): StatementClass {
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word !== "TEMP" && word !== "TEMPORARY" && word !== "UNIQUE") return classOf(classes, word);
  }
  return "other";
}

const classOf = (
  classes: { readonly [word: string]: StatementClass },
  word: string | undefined,
): StatementClass =>
  word !== undefined && Object.hasOwn(classes, word) ? classes[word]! : "other";

class Words {
  readonly #scanner: SqlScanner;

  constructor(scanner: SqlScanner) {
    this.#scanner = scanner;
  }

  /** The next token in upper case, behind `;`. */
  next(): string | undefined {
    while (this.#scanner.next())
      if (this.#scanner.text !== ";")
        return this.#scanner.kind === "word" ? this.#scanner.text.toUpperCase() : "";
    return undefined;
  }

  /** The next of the words that is in no parentheses. */
  nextOutside(wanted: ReadonlySet<string>): string | undefined {
    let depth = 0;
    while (this.#scanner.next()) {
      const { kind, text } = this.#scanner;
      if (kind === "op" && text === "(") depth++;
      else if (kind === "op" && text === ")") depth--;
      else if (depth === 0 && kind === "word" && wanted.has(text.toUpperCase())) {
        const verb = text.toUpperCase();
        // A common table may be named so.
        if (verb !== "REPLACE" || new Words(this.#scanner.fork()).next() === "INTO") return verb;
      }
    }
    return undefined;
  }

  /** `OR REPLACE` follows. */
  replaces(): boolean {
    const behind = new Words(this.#scanner.fork());
    return behind.next() === "OR" && behind.next() === "REPLACE";
  }
}
