import { sameMeaning } from "../../domain/schema/definition.ts";
import type { Dialect } from "../../domain/engine/dialect.ts";
import { diffSchema, type SchemaChange, type SchemaObject } from "../../domain/schema/schema.ts";

/** One side of a comparison. */
export interface Side {
  readonly point: "ledger" | "live";
  /** Null: the database as it is. */
  readonly index: number | null;
  readonly fingerprint: string | null;
  readonly schema: readonly SchemaObject[];
}

/** Turns two texts into a unified diff. */
export type DiffTexts = (name: string, before: string, after: string) => string;

/** A schema as statements that build it, below a line that says what it is. */
export const ddl = (title: string, schema: readonly SchemaObject[]): string =>
  `-- ${title.replaceAll(/[\r\n]/g, " ")}\n\n${statements(schema)}`;

/** The statements that build a schema. */
export const statements = (schema: readonly SchemaObject[]): string =>
  schema.map(({ sql }) => `${sql};\n`).join("\n");

/** Both sides' statements as a unified diff. */
export const ddlDiff = (name: string, from: Side, to: Side, diff: DiffTexts): string =>
  diff(name, statements(from.schema), statements(to.schema));

/** What turns the one schema into the other. */
export function changesBetween(from: Side, to: Side, dialect: Dialect, diff: DiffTexts): object[] {
  return diffSchema(from.schema, to.schema).map((change) =>
    Object.assign({}, change, {
      // Of the same meaning: quotes, space, comments, as a rebuild leaves them behind.
      spellingOnly: spellingOnly(change, dialect),
      diff: diff(change.name, sqlOf(change.before), sqlOf(change.after)),
    }),
  );
}

const sqlOf = (object: SchemaObject | undefined): string =>
  object === undefined ? "" : `${object.sql}\n`;

function spellingOnly({ before, after }: SchemaChange, dialect: Dialect): boolean {
  if (before === undefined || after === undefined) return false;
  const [was, now] = [dialect.describe(before), dialect.describe(after)];
  const sameParts = <T extends { readonly meaning: readonly string[] }>(
    older: readonly T[],
    newer: readonly T[],
    same: (a: T, b: T) => boolean,
  ): boolean =>
    older.length === newer.length &&
    older.every(
      (part, at) => same(part, newer[at]!) && sameMeaning(part.meaning, newer[at]!.meaning),
    );
  return (
    sameMeaning(was.meaning, now.meaning) &&
    sameParts(was.columns, now.columns, (a, b) => a.name === b.name) &&
    sameParts(
      was.constraints,
      now.constraints,
      (a, b) => a.name === b.name && a.column === b.column,
    )
  );
}
