import { hash } from "node:crypto";
import type { LiveSchema } from "../../domain/engine/database-engine.ts";
import type { SqlitePhysical } from "../../domain/database/events.ts";
import type { SchemaColumn } from "../../domain/schema/schema.ts";
import { isPlain, readCatalog, schemaOf, type Catalog, type CatalogEntry } from "./catalog.ts";
import { journalMode, pragmaNumber, type Connection } from "./connection.ts";
import type { SchemaShape } from "./schema-shapes.ts";
import { foldName, schemaTokens } from "./sql/tokens.ts";

/**
 * Digest of the logical schema, `sha256:<hex>`: equal for schemas that differ only in formatting,
 * comments, quoting and the case of names. Arrays of tokens, never joined text: joining would let
 * two different definitions meet.
 */
export function fingerprintOf(catalog: Catalog): string {
  const parts = catalog.entries
    .map(factsOf)
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text);
  return `sha256:${hash("sha256", `[${parts.join(",")}]`, "hex")}`;
}

const fingerprints = new WeakMap<SchemaShape, string>();

/** The same, of a catalogue of this shape: of one that was met before it is known. */
export function fingerprintIn(shape: SchemaShape, catalog: Catalog): string {
  if (!isPlain(catalog)) return fingerprintOf(catalog);
  const fingerprint = fingerprints.get(shape) ?? fingerprintOf(catalog);
  fingerprints.set(shape, fingerprint);
  return fingerprint;
}

interface Facts {
  readonly key: string;
  /** JSON. */
  readonly text: string;
}

const known = new WeakMap<CatalogEntry, Facts>();

function factsOf(entry: CatalogEntry): Facts {
  const facts = known.get(entry) ?? readFacts(entry);
  known.set(entry, facts);
  return facts;
}

function readFacts(entry: CatalogEntry): Facts {
  const fact = [
    entry.type,
    foldName(entry.name),
    foldName(entry.table),
    schemaTokens(entry.sql),
    entry.type === "table" ? [entry.kind, entry.withoutRowid, entry.strict] : null,
    entry.columns?.map(columnFacts) ?? null,
  ];
  return { key: `${entry.type}\u0000${foldName(entry.name)}`, text: JSON.stringify(fact) };
}

const columnFacts = (column: SchemaColumn): unknown => [
  foldName(column.name),
  tokensOfType(column.type),
  column.notNull,
  defaultFacts(column.default),
  column.primaryKey,
  column.generated ?? null,
  column.hidden ?? false,
];

/** The types of a schema's columns are few. */
const types = new Map<string, readonly string[]>();
const MOST_TYPES = 1_000;

function tokensOfType(type: string): readonly string[] {
  const known = types.get(type) ?? schemaTokens(type);
  if (types.size >= MOST_TYPES) types.clear();
  types.set(type, known);
  return known;
}

/** A default in double quotes is text, unlike everywhere else: its case counts. */
const defaultFacts = (text: string | null): unknown =>
  text === null || text.startsWith('"') ? text : schemaTokens(text);

/** Facts of the file that are reported beside the logical schema and are no part of it. */
export const physicalOf = (db: Connection): SqlitePhysical => ({
  journalMode: journalMode(db),
  pageSize: pragmaNumber(db, "page_size"),
  pageCount: pragmaNumber(db, "page_count"),
  encoding: String(db.pragma("encoding", { simple: true })),
  autoVacuum: pragmaNumber(db, "auto_vacuum"),
  userVersion: pragmaNumber(db, "user_version"),
  applicationId: pragmaNumber(db, "application_id"),
});

/** The schema as the connection sees it now. Call it in one read transaction. */
export function liveSchema(db: Connection): LiveSchema {
  const catalog = readCatalog(db);
  return {
    fingerprint: fingerprintOf(catalog),
    engineVersion: `SQLite ${engineVersion(db)}`,
    schema: schemaOf(catalog),
    physical: physicalOf(db),
  };
}

const engineVersion = (db: Connection): string =>
  String(db.prepare("SELECT sqlite_version()").pluck().get());
