/** How files name the databases that they are for. */
const DIALECTS: ReadonlyMap<string, string> = new Map([
  ["sqlite", "sqlite"],
  ["sqlite3", "sqlite"],
  ["postgres", "postgres"],
  ["postgresql", "postgres"],
  ["pg", "postgres"],
  ["psql", "postgres"],
  ["mysql", "mysql"],
  ["mariadb", "mysql"],
  ["cockroach", "cockroach"],
  ["mssql", "mssql"],
  ["sqlserver", "mssql"],
  ["oracle", "oracle"],
]);

/** The database that a part of a file's name means; undefined: it means none. */
export const dialectOf = (part: string): string | undefined => DIALECTS.get(part.toLowerCase());

/** It means another database than SQLite. */
export const isForeign = (part: string): boolean => (dialectOf(part) ?? "sqlite") !== "sqlite";
