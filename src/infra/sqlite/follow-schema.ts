import Database from "better-sqlite3";
import type { SchemaReached, StepScript } from "../../domain/engine/database-engine.ts";
import { sortSchema, type SchemaObject } from "../../domain/schema/schema.ts";
import { readCatalog, schemaOf } from "./catalog.ts";
import { configure, type Connection } from "./connection.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { readSchemaRows } from "./schema-rows.ts";
import { classify } from "./sql/classify.ts";
import { gatePragma } from "./sql/pragma-gate.ts";
import { prepareScript } from "./sql/script.ts";

/**
 * The schemas that scripts lead to from `schema`, worked out on an empty copy: what changes a schema
 * does not depend on rows. Ends before the first script that cannot be followed. The fingerprints
 * say whether it is what happened.
 */
export function followSchema(
  schema: readonly SchemaObject[],
  scripts: readonly StepScript[],
): SchemaReached[] {
  const reached: SchemaReached[] = [];
  const db = new Database(":memory:");
  try {
    configure(db, "scratch");
    for (const { sql } of sortSchema(schema)) if (sql !== "") db.exec(sql);
    for (const script of scripts) {
      // Code can do anything: nobody follows it.
      if (script.language !== undefined) break;
      change(db, script);
      const catalog = readCatalog(db);
      reached.push({ fingerprint: fingerprintOf(catalog), schema: schemaOf(catalog) });
    }
  } catch {
    // What was reached until here is answered; the caller has its own way with the rest.
  } finally {
    db.close();
  }
  return reached;
}

/** Executes what changes the schema, and the settings that say how. */
function change(db: Connection, { sql, transaction }: StepScript): void {
  for (const statement of prepareScript(sql, transaction).statements) {
    const { kind } = classify(db, statement.sql, () => readSchemaRows(db).rows);
    if (kind === "pragma" && gatePragma(statement.sql).action !== "run") continue;
    if (kind === "ddl" || kind === "pragma") db.exec(statement.sql);
  }
}
