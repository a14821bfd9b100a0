/**
 * Tokens of a piece of a definition, freed of its spelling: equal for pieces that mean the same. A
 * name is `i:` and the name as the engine compares it.
 */
export type Meaning = readonly string[];

/** What an object's definition says, as its engine reads it. */
export interface Definition {
  /** Of the whole object; of a table only what belongs to neither a column nor a constraint. */
  readonly meaning: Meaning;
  /** Columns of a table, in order. */
  readonly columns: readonly ColumnDefinition[];
  /** Constraints of a table, also those written at a column. */
  readonly constraints: readonly Constraint[];
}

export interface ColumnDefinition {
  /** As in the catalogue. */
  readonly name: string;
  readonly meaning: Meaning;
}

export type ConstraintKind = "primary-key" | "unique" | "check" | "foreign-key" | "not-null";

export interface Constraint {
  readonly kind: ConstraintKind;
  readonly name: string | null;
  /** The column it is written at; null for one of the whole table. */
  readonly column: string | null;
  /** As written. */
  readonly text: string;
  readonly meaning: Meaning;
}

/** Names (as in a meaning) that were given new ones between two definitions. */
export type Renamed = ReadonlyMap<string, ReadonlySet<string>>;

const NONE: Renamed = new Map();

/**
 * Whether two pieces mean the same. A rename of a table or column rewrites everything that names
 * it: where the older piece has the old name, the newer one may have the new.
 */
export function sameMeaning(older: Meaning, newer: Meaning, renamed: Renamed = NONE): boolean {
  return (
    older.length === newer.length &&
    older.every((token, at) => token === newer[at] || renamed.get(token)?.has(newer[at]!) === true)
  );
}
