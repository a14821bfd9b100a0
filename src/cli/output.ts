import { styleText } from "node:util";

/** The look of a word in a table or message. */
export type Tone = "good" | "bad" | "warn" | "faint" | "strong";

const STYLES = {
  good: "green",
  bad: "red",
  warn: "yellow",
  faint: "dim",
  strong: "bold",
} as const;

/**
 * Where a command's results go: one JSON document (or lines of them) with a `format` member, or
 * text for people. Results go to stdout, progress and errors to stderr.
 */
export class Output {
  readonly json: boolean;
  readonly #format: string | undefined;

  constructor(json: boolean, format?: string) {
    this.json = json;
    this.#format = format;
  }

  /** The command's result: as a document for programs, or by `print` for people. */
  result(document: object, print: () => void): void {
    if (this.json) this.document(this.#format, document);
    else print();
  }

  /** One JSON document, with its format first. */
  document(format: string | undefined, document: object): void {
    process.stdout.write(`${JSON.stringify({ format, ...document })}\n`);
  }

  /** A line for people. Not in JSON mode. */
  line(text = ""): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** Text as it is, in both modes: what a command was asked to print verbatim. */
  raw(text: string): void {
    process.stdout.write(text);
  }

  /** A word on the side, to stderr. Not in JSON mode. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  /** Rows under their titles, columns aligned. */
  table(titles: readonly string[], rows: readonly (readonly Cell[])[]): void {
    if (this.json) return;
    const head = titles.map((title) => tone("faint", title));
    const lines = [head, ...rows.map((row) => row.map(cellText))];
    const widths = titles.map((_, column) =>
      Math.max(...lines.map((line) => widthOf(line[column] ?? ""))),
    );
    for (const line of lines) {
      const cells = line.map((cell, i) => cell + " ".repeat(widths[i]! - widthOf(cell)));
      this.line(cells.join("  ").trimEnd());
    }
  }

  /** Names and values, one a line; absent values are left out. */
  facts(facts: readonly (readonly [name: string, value: Cell])[]): void {
    const shown = facts.filter(([, value]) => value !== null && value !== undefined);
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, value] of shown)
      this.line(`${tone("faint", name.padEnd(width))}  ${cellText(value)}`);
  }
}

/** A value in a table: plain, or one that was styled by `tone`. */
export type Cell = string | number | boolean | null | undefined | Styled;

/** Text whose control characters were put there by us. */
export interface Styled {
  readonly styled: string;
}

/** Styled where stdout is a terminal that wants colour; plain elsewhere. */
export const tone = (name: Tone, text: string): string =>
  styleText(STYLES[name], plain(text), { stream: process.stdout });

/** As `tone`, for a table. */
export const toned = (name: Tone, text: string): Styled => ({ styled: tone(name, text) });

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === "") return "-";
  return typeof cell === "object" ? cell.styled : plain(String(cell));
}

/** Names and messages come from files and databases: none of them may steer the terminal. */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) =>
    c === "\n" || c === "\t" ? " " : `\\u${c.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );

const ESCAPE = String.fromCodePoint(27);
const STYLE = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g");

const widthOf = (text: string): number => Array.from(text.replaceAll(STYLE, "")).length;
