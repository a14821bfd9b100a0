import { InvalidInput } from "../../domain/shared/errors.ts";

/** A changeset of a formatted SQL file. */
export interface Changeset {
  readonly author: string;
  readonly id: string;
  /** Keys in lower case. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly sql: string;
  /** Undefined: none is given. */
  readonly rollback: string | undefined;
  /** Lines about preconditions, as written. */
  readonly preconditions: readonly string[];
}

export interface FormattedSql {
  readonly changesets: readonly Changeset[];
  readonly properties: ReadonlyMap<string, string>;
}

export const HEADER = /^\s*--\s*liquibase\s+formatted\s+sql\b/i;
const CHANGESET = /^\s*--\s*changeset\s+("[^"]+"|[^:]+):\s*("[^"]+"|\S+)(.*)$/i;
const ROLLBACK = /^\s*--\s*rollback\b\s?(.*)$/i;
const ROLLBACK_BLOCK = /^\s*\/\*\s*liquibase\s+rollback\s*(.*)$/i;
const PROPERTY = /^\s*--\s*property\s+(.*)$/i;
const PRECONDITION = /^\s*--\s*precondition/i;
const WORDS = /^\s*--\s*(?:comment|validchecksum|liquibase)\b/i;
const IGNORE = /^\s*--\s*ignoreLines:(\w+)/i;
const ATTRIBUTE = /(\w+):\s*("[^"]*"|\S+)/g;

interface Open {
  readonly head: Pick<Changeset, "author" | "id" | "attributes">;
  readonly sql: string[];
  readonly rollback: string[];
  readonly preconditions: string[];
}

/** Takes a formatted SQL file apart. Error: InvalidInput format-invalid. */
export function changesetsOf(file: string, text: string): FormattedSql {
  const changesets: Changeset[] = [];
  const properties = new Map<string, string>();
  let open: Open | undefined;
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const [, author, id, rest] = CHANGESET.exec(line) ?? [];
    const [, property] = PROPERTY.exec(line) ?? [];
    const [, rollback] = ROLLBACK.exec(line) ?? [];
    const [, ignored] = IGNORE.exec(line) ?? [];
    const block = ROLLBACK_BLOCK.exec(line);
    if (author !== undefined) {
      if (open !== undefined) changesets.push(closed(open));
      const attributes = attributesOf(rest!);
      const head = { author: unquoted(author), id: unquoted(id!), attributes };
      open = { head, sql: [], rollback: [], preconditions: [] };
    } else if (property !== undefined) {
      const { name, value } = Object.fromEntries(attributesOf(property));
      if (name !== undefined && value !== undefined) properties.set(name, value);
    } else if (ignored !== undefined) {
      const many = Number(ignored);
      while (at + 1 < lines.length && !(many >= 0) && !IGNORE.test(lines[at + 1]!)) at++;
      at += many >= 0 ? many : 1;
    } else if (open === undefined) {
      if (line.trim() !== "" && !/^\s*--/.test(line))
        throw new InvalidInput("format-invalid", `${file}: line ${at + 1} is in no changeset`, {
          hint: "Put -- changeset author:id before it",
        });
    } else if (PRECONDITION.test(line)) open.preconditions.push(line.trim());
    else if (block !== null) {
      const from = at;
      while (at < lines.length && !lines[at]!.includes("*/")) at++;
      open.rollback.push(
        [block[1]!, ...lines.slice(from + 1, at + 1)].join("\n").replace(/\*\/[^]*$/, ""),
      );
    } else if (rollback !== undefined) open.rollback.push(rollback);
    else if (!WORDS.test(line)) open.sql.push(line);
  }
  if (open !== undefined) changesets.push(closed(open));
  return { changesets, properties };
}

const closed = ({ head, sql, rollback, preconditions }: Open): Changeset => ({
  ...head,
  sql: sql.join("\n").trim(),
  rollback: rollback.length === 0 ? undefined : rollbackOf(rollback.join("\n").trim()),
  preconditions,
});

/** `empty` and `not required`: there is nothing to undo. */
const rollbackOf = (text: string): string =>
  /^(?:empty|not\s+required)\s*;?$/i.test(text) ? "" : text;

export const attributesOf = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(ATTRIBUTE)].map(([, key, value]) => [key!.toLowerCase(), unquoted(value!)]),
  );

const unquoted = (text: string): string => text.trim().replace(/^"(.*)"$/, "$1");
