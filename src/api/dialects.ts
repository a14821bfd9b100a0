import type { Dialects } from "../domain/engine/dialect.ts";
import { PostgresDialect } from "../infra/postgres/sql/postgres-dialect.ts";
import { SqliteDialect } from "../infra/sqlite/sql/sqlite-dialect.ts";

const sqlite = new SqliteDialect();
const postgres = new PostgresDialect();

/** The dialects there are. That of PostgreSQL needs its parser loaded: see `loadDialect`. */
export const dialects: Dialects = (engine) => (engine === "sqlite" ? sqlite : postgres);

/** Loads what the dialect of an engine needs. Idempotent. */
export async function loadDialect(engine: Parameters<Dialects>[0]): Promise<void> {
  if (engine === "sqlite") return;
  const { loadParser } = await import("../infra/postgres/sql/parser.ts");
  await loadParser();
}
