import { prepared, type Connection } from "./connection.ts";
import { ownContent } from "./markers.ts";
import type { Classification } from "./sql/classify.ts";

/**
 * What a script's statements have written, by what SQLite was about to execute for each: a tree of
 * the file changes only through an instruction that names its root page. Whatever this does not
 * name is as it was before the script.
 */
export class StepWork {
  readonly #db: Connection;
  /** Trees move to other pages when one is dropped. */
  readonly #treesMove: boolean;
  readonly #changesBefore: number;
  readonly #pages = new Set<number>();
  #blind = false;
  /** The own tables' rows before the first statement that cannot be seen through. */
  #ownBefore: string | undefined;

  constructor(db: Connection, { treesMove }: { readonly treesMove: boolean }) {
    this.#db = db;
    this.#treesMove = treesMove;
    this.#changesBefore = totalChanges(db);
  }

  /** Must hear of each statement before it runs. */
  begins({ pages, blind, kind }: Classification): void {
    for (const page of pages) this.#pages.add(page);
    if (!blind && !(this.#treesMove && kind === "ddl")) return;
    this.#blind = true;
    this.#ownBefore ??= ownContent(this.#db);
  }

  /** What was written is known: every tree but those with the pages of `wrote` is as it was. */
  get isKnown(): boolean {
    // A second opinion: the engine counts every row that it changes.
    return !this.#blind && (this.#pages.size > 0 || totalChanges(this.#db) === this.#changesBefore);
  }

  wrote(rootPage: number): boolean {
    return this.#pages.has(rootPage);
  }

  /** Writes to the own tables are refused; only what cannot be seen through needs another look. */
  get ownTablesUntouched(): boolean {
    return this.#ownBefore === undefined || this.#ownBefore === ownContent(this.#db);
  }
}

const totalChanges = (db: Connection): number =>
  prepared<[], number>(db, "SELECT total_changes()").pluck().get()!;
