import type { Allowances, TransactionMode } from "../database/events.ts";
import { jcs } from "../ledger/jcs.ts";
import type { Digest } from "../shared/digest.ts";

/** What a step is written in if not in SQL: a module that exports `up`, and perhaps `down`. */
export type CodeLanguage = "javascript" | "typescript";

/** How a migration can differ from what the ledger expects of it. */
export type Deviation = "edited" | "out-of-order" | "missing";

/** A migration as submitted: immutable once registered. SQL texts are raw. */
export interface MigrationInput {
  readonly version: string;
  readonly name: string;
  readonly up: string;
  readonly down?: string;
  /** Statements that must hold after `up`: each returns rows, and a single column is true. */
  readonly verify?: string;
  readonly transaction?: TransactionMode;
  readonly allow?: Allowances;
  /** Key of its place, compared as versions are, where a tool orders otherwise than by version. */
  readonly order?: string;
  /** Runs after all versions, and is no part of the highest applied one. */
  readonly repeatable?: boolean;
  /** `up` and `down` are this module's text. Absent: they are SQL. */
  readonly language?: CodeLanguage;
  /** Text of a JavaScript module: each function that it exports is one of SQL for these scripts. */
  readonly functions?: string;
  /** The file's text, where `up` was made of it by putting values in. */
  readonly source?: string;
  /** The file that ssh-keygen or minisign made over the migration's statement; no part of what it does. */
  readonly signature?: string;
}

/**
 * `sha256:` + hex over JCS of everything that defines what the migration does. Line endings are
 * normalised to LF first, so that a checkout with CRLF is the same migration; nothing else is.
 */
export function checksumOf(input: MigrationInput, digest: Digest): string {
  return digest.ofText(
    jcs({
      allow: { rowLoss: (input.allow?.rowLoss ?? []).toSorted() },
      down: input.down === undefined ? null : unixLines(input.down),
      transaction: input.transaction ?? "required",
      up: unixLines(input.up),
      verify: input.verify === undefined ? null : unixLines(input.verify),
      ...(input.language === undefined ? {} : { language: input.language }),
      ...(input.functions === undefined ? {} : { functions: unixLines(input.functions) }),
    }),
  );
}

const unixLines = (text: string): string => text.replaceAll("\r\n", "\n");
