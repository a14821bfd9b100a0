import type { Connection } from "./connection.ts";
import type { SchemaRow, SchemaRows } from "./schema-rows.ts";
import type { SchemaShape } from "./schema-shapes.ts";
import { classify, type Classification } from "./sql/classify.ts";

/** A statement that is about to run. */
interface Asked {
  readonly sql: string;
  /** Of its parameters. */
  readonly values: readonly unknown[];
  /** The connection has its first settings and no temporary objects: only the schema matters. */
  readonly isOrdinary: boolean;
}

/** A verdict with the written trees by name: in another file they have other root pages. */
interface KnownVerdict {
  readonly verdict: Classification;
  readonly trees: readonly string[];
}

/**
 * Verdicts on statements, by the schema that they were given on: a step that was rehearsed meets the
 * same statements on the same schemas. What SQLite executes for a statement depends on nothing else.
 */
const verdicts = new WeakMap<SchemaShape, Map<string, KnownVerdict>>();

/** Most histories have short statements; longer ones take longer to run than to look at. */
const LONGEST = 2_000;
const MOST_ON_ONE_SCHEMA = 100;

/** As `classify`, or as it was said before of this statement on this schema. */
export function verdictOn(
  db: Connection,
  { sql, values, isOrdinary }: Asked,
  schema: SchemaRows,
): Classification {
  if (!isOrdinary || values.length > 0 || sql.length > LONGEST)
    return classify(db, sql, () => schema.rows, values);
  const known = verdicts.get(schema.shape) ?? new Map<string, KnownVerdict>();
  const before = known.get(sql);
  if (before !== undefined) return inPlace(before, schema.rows);
  const verdict = classify(db, sql, () => schema.rows);
  const trees = namesOf(verdict, schema.rows);
  if (trees !== undefined && known.size < MOST_ON_ONE_SCHEMA) {
    known.set(sql, { verdict, trees });
    verdicts.set(schema.shape, known);
  }
  return verdict;
}

/** The tree of the schema itself. */
const SCHEMA_PAGE = 1;
const SCHEMA = "sqlite_schema";

/** Undefined if a page is no tree of this schema's: then only its number tells what was meant. */
function namesOf(
  { pages, kind }: Classification,
  rows: readonly SchemaRow[],
): string[] | undefined {
  if (kind === "refuse" || kind === "pragma") return undefined;
  const names: string[] = [];
  for (const page of pages) {
    const name = page === SCHEMA_PAGE ? SCHEMA : rows.find((row) => row.rootPage === page)?.name;
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names;
}

function inPlace({ verdict, trees }: KnownVerdict, rows: readonly SchemaRow[]): Classification {
  const pages = trees.map((name) => (name === SCHEMA ? SCHEMA_PAGE : pageOf(name, rows)));
  return { ...verdict, pages };
}

/** Tables and indexes share one namespace; triggers and views have no tree. */
const pageOf = (name: string, rows: readonly SchemaRow[]): number =>
  rows.find((row) => row.name === name && (row.rootPage ?? 0) !== 0)!.rootPage!;
