import type { SqlScanner } from "./scanner.ts";
import { foldName, nameOf } from "./tokens.ts";

/**
 * Collects the names of tables whose rows or columns statements may destroy, by text alone:
 * dropped, deleted from, replaced into, losing a column, or renamed as part of a rebuild.
 */
export class DestroyedTables {
  readonly #found = new Found();
  #before = "";

  /** Must be shown every token of every statement, in order. */
  see(scanner: SqlScanner): void {
    const short = scanner.kind === "word" && scanner.end - scanner.start <= LONGEST_WORD;
    const word = short ? scanner.text.toUpperCase() : "";
    if (VERBS.has(word)) readVerb(this.#found, word, this.#before, scanner.fork());
    this.#before = word;
  }

  /** As written, unquoted, without schema, each once (ASCII case ignored). May not exist. */
  names(): string[] {
    return this.#found.names();
  }
}

const VERBS = new Set(["ALTER", "CREATE", "DELETE", "DROP", "INTO", "UPDATE"]);

const LONGEST_WORD = "REPLACE".length;

function readVerb(found: Found, verb: string, before: string, scanner: SqlScanner): void {
  const reader = new Reader(scanner);
  switch (verb) {
    case "DROP":
      if (reader.words("TABLE") && reader.maybe("IF", "EXISTS")) found.destroy(reader.name());
      break;
    case "DELETE":
      if (reader.words("FROM")) found.destroy(reader.name());
      break;
    case "INTO":
      if (before === "REPLACE") found.destroy(reader.name());
      break;
    case "UPDATE":
      if (reader.words("OR", "REPLACE")) found.destroy(reader.name());
      break;
    case "CREATE":
      readCreate(found, reader);
      break;
    default:
      readAlter(found, reader);
  }
}

function readCreate(found: Found, reader: Reader): void {
  if (reader.words("TABLE") && reader.maybe("IF", "NOT", "EXISTS")) found.create(reader.name());
}

function readAlter(found: Found, reader: Reader): void {
  if (!reader.words("TABLE")) return;
  const table = reader.name();
  if (reader.words("RENAME", "TO")) found.rename(table, reader.name());
  else if (reader.words("DROP") && !reader.words("CONSTRAINT")) found.destroy(table);
}

/** Reads a few tokens ahead; a word that does not match is not consumed. */
class Reader {
  readonly #scanner: SqlScanner;
  #ready: boolean;

  constructor(scanner: SqlScanner) {
    this.#scanner = scanner;
    this.#ready = scanner.next();
  }

  /** Consumes these words in a row; false at the first that is not there. */
  words(...expected: readonly string[]): boolean {
    return expected.every((word) => {
      if (!this.#is("word", word)) return false;
      this.#ready = this.#scanner.next();
      return true;
    });
  }

  /** Consumes these words if the first is there. Always true unless they break off. */
  maybe(first: string, ...rest: readonly string[]): boolean {
    return !this.words(first) || this.words(...rest);
  }

  /** The last part of a possibly qualified name. */
  name(): string | undefined {
    let name = this.#part();
    while (name !== undefined && this.#is("op", ".")) {
      this.#ready = this.#scanner.next();
      name = this.#part();
    }
    return name;
  }

  #part(): string | undefined {
    const name = this.#ready ? nameOf(this.#scanner) : undefined;
    if (name !== undefined) this.#ready = this.#scanner.next();
    return name;
  }

  #is(kind: "word" | "op", text: string): boolean {
    return this.#ready && this.#scanner.kind === kind && this.#scanner.text.toUpperCase() === text;
  }
}

class Found {
  readonly #destroyed = new Map<string, string>();
  readonly #created = new Set<string>();
  readonly #renamed: { readonly from: string; readonly to: string }[] = [];

  destroy(name: string | undefined): void {
    if (name !== undefined && !this.#destroyed.has(foldName(name)))
      this.#destroyed.set(foldName(name), name);
  }

  create(name: string | undefined): void {
    if (name !== undefined) this.#created.add(foldName(name));
  }

  rename(from: string | undefined, to: string | undefined): void {
    if (from !== undefined && to !== undefined) this.#renamed.push({ from, to });
  }

  /** A table renamed away is part of a rebuild if its name is made anew or its new name dies. */
  names(): string[] {
    for (const { from, to } of this.#renamed.toReversed())
      if (this.#created.has(foldName(from)) || this.#destroyed.has(foldName(to)))
        this.destroy(from);
    return [...this.#destroyed.values()];
  }
}
