import Database from "better-sqlite3";
import { readCatalog } from "../../src/infra/sqlite/catalog.ts";
import { fingerprintOf } from "../../src/infra/sqlite/fingerprint.ts";
import { schemaTokens } from "../../src/infra/sqlite/sql/tokens.ts";

/** Runs one script as a plain shell with foreign keys off would; the error's text if it fails. */
export async function runBare(
  path: string,
  sql: string,
  prepare: (db: Database.Database) => Promise<void> | void = () => {},
): Promise<string | undefined> {
  const db = new Database(path);
  try {
    await prepare(db);
    db.unsafeMode(true);
    db.pragma("foreign_keys = OFF");
    // These scripts break out of their tool's transaction, so that there must be one.
    if (/^(\s|--.*\n)*COMMIT/i.test(sql)) db.exec("BEGIN");
    db.exec(sql);
    if (db.inTransaction) db.exec("COMMIT");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    db.close();
  }
}

/** The schema's fingerprint, and each object's tokens for showing differences. */
export function schemaOf(path: string): { fingerprint: string; objects: Map<string, string> } {
  const db = new Database(path, { readonly: true });
  try {
    const catalog = readCatalog(db);
    const objects = catalog.entries.map(({ type, name, sql, columns }): [string, string] => [
      `${type} ${name}`,
      JSON.stringify([schemaTokens(sql).join(" "), columns ?? []]),
    ]);
    return { fingerprint: fingerprintOf(catalog), objects: new Map(objects) };
  } finally {
    db.close();
  }
}

/** Objects that are not the same in both. */
export function differences(a: Map<string, string>, b: Map<string, string>): string[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names]
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => `${name}\n    service ${a.get(name) ?? "-"}\n    bare    ${b.get(name) ?? "-"}`);
}
