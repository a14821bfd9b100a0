/** Small steps as real histories have them: a table, a column, an index, a few rows. */
export function smallStep(n: number): string {
  const table = `t${n - (n % 4)}`;
  if (n % 4 === 0) return `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);`;
  if (n % 4 === 1) return `ALTER TABLE ${table} ADD COLUMN note TEXT;`;
  if (n % 4 === 2) return `CREATE INDEX ${table}_by_name ON ${table} (name);`;
  return `INSERT INTO ${table} (name) VALUES ('a'), ('b'), ('c');\nUPDATE ${table} SET note = name;`;
}
