import Database from "better-sqlite3";

/** Versions that made something and changed it last; null: it cannot be told from the catalogue. */
export interface Facts {
  readonly made: string;
  readonly changed: string | null;
}

interface Known {
  made: string;
  changed: string;
  /** What is compared; columns by what PRAGMA says of them. */
  text: string;
  readonly columns: Map<string, Known>;
}

/**
 * Who made what, worked out the hard way: the catalogue is read after every step and compared with
 * the one before; renames are read from the scripts' text by regular expressions. It shares no code
 * with what it checks.
 */
export class BruteBlame {
  #objects = new Map<string, Known>();

  /** After the script of a version was run on the database at `path`. */
  step(version: string, script: string, path: string): void {
    const { tables, columns } = renamesIn(script, new Set(this.#names("table")));
    const next = new Map<string, Known>();
    for (const [key, now] of catalogue(path)) {
      const [type, name] = key.split(" ", 2) as [string, string];
      const from = type === "table" ? (tables.get(name) ?? name) : name;
      const left = type === "table" && !tables.has(name) && [...tables.values()].includes(name);
      const was = left ? undefined : this.#objects.get(`${type} ${from}`);
      const renamed = kept(columns.get(name) ?? new Map(), was, now);
      const written = was === undefined ? undefined : { ...was, text: rewritten(was.text, tables) };
      next.set(key, follow(version, written, now, renamed, from !== name));
    }
    this.#objects = next;
  }

  /** `table t`, `column t.c`, `index i` … → who. */
  parts(): Map<string, Facts> {
    const parts = new Map<string, Facts>();
    for (const [key, { made, changed, columns }] of this.#objects) {
      const [type, name] = key.split(" ", 2) as [string, string];
      parts.set(key, { made, changed: type === "table" ? null : changed });
      for (const [column, own] of columns)
        parts.set(`column ${name}.${column}`, { made: own.made, changed: null });
    }
    return parts;
  }

  #names(type: string): string[] {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(`${type} `));
    return keys.map((key) => key.slice(type.length + 1));
  }
}

/**
 * Without a column that a script added, filled and gave the name of one that it dropped: as with
 * tables that are rebuilt, that is the column that had the name.
 */
function kept(
  renamed: ReadonlyMap<string, string>,
  was: Known | undefined,
  now: { readonly columns: ReadonlyMap<string, string> },
): ReadonlyMap<string, string> {
  const live = [...renamed].filter(([name]) => now.columns.has(name));
  return new Map(
    live.filter(
      ([name, from]) => was?.columns.has(from) === true || live.some(([, other]) => other === name),
    ),
  );
}

/** A rename of a table rewrites whatever names it: that is no change of those. */
function rewritten(text: string, tables: ReadonlyMap<string, string>): string {
  let now = text;
  for (const [to, from] of tables)
    now = now.replaceAll(
      new RegExp(`(?<![\\w$])${from.toLowerCase()}(?![\\w$])`, "g"),
      to.toLowerCase(),
    );
  return now;
}

function follow(
  version: string,
  was: Known | undefined,
  now: { readonly text: string; readonly columns: ReadonlyMap<string, string> },
  renamed: ReadonlyMap<string, string>,
  moved: boolean,
): Known {
  const columns = new Map<string, Known>();
  for (const [name, text] of now.columns) {
    const old = was?.columns.get(renamed.get(name) ?? name);
    const same = old !== undefined && old.text === text && !renamed.has(name);
    const changed = same ? old.changed : version;
    columns.set(name, { made: old?.made ?? version, changed, text, columns: new Map() });
  }
  const same = was !== undefined && was.text === now.text && !moved;
  return {
    made: was?.made ?? version,
    changed: same ? was.changed : version,
    text: now.text,
    columns,
  };
}

const NAME = `["'\`\\[]?([A-Za-z0-9_$.]+?)["'\`\\]]?`;
const TABLE = new RegExp(`ALTER\\s+TABLE\\s+${NAME}\\s+RENAME\\s+TO\\s+${NAME}\\s*(?:;|$)`, "is");
const COLUMN = new RegExp(
  `ALTER\\s+TABLE\\s+${NAME}\\s+RENAME\\s+(?:COLUMN\\s+)?${NAME}\\s+TO\\s+${NAME}\\s*(?:;|$)`,
  "is",
);
const DROP = new RegExp(`DROP\\s+TABLE\\s+(?:IF\\s+EXISTS\\s+)?${NAME}\\s*(?:;|$)`, "is");

/** Present name → name before the script, of tables and (by present table) of columns. */
function renamesIn(script: string, before: ReadonlySet<string>) {
  /** Present name → the name a table had before; only of tables that were there. */
  const origin = new Map([...before].map((name) => [name, name]));
  const columns = new Map<string, Map<string, string>>();
  for (const statement of script.replaceAll(/--[^\n]*/g, "").split(";")) {
    const [, from, to] = TABLE.exec(statement) ?? [];
    const [, table, old, fresh] = from === undefined ? (COLUMN.exec(statement) ?? []) : [];
    const [, dropped] = DROP.exec(statement) ?? [];
    if (from !== undefined && to !== undefined && origin.has(from)) {
      origin.set(to, origin.get(from)!);
      origin.delete(from);
      columns.set(to, columns.get(from) ?? new Map());
      columns.delete(from);
    }
    if (table !== undefined && origin.has(table)) {
      const own = columns.get(table) ?? new Map<string, string>();
      own.set(fresh!, own.get(old!) ?? old!);
      columns.set(table, own);
    }
    // A dropped table lives on under its name if a rebuild gives that name to another one.
    if (dropped !== undefined) origin.delete(dropped);
  }
  const tables = [...origin].filter(([now, was]) => now !== was);
  return { tables: new Map(tables), columns };
}

/** Every object: its definition, spelled in one way, and what PRAGMA says of its columns. */
function catalogue(path: string) {
  const db = new Database(path, { readonly: true });
  try {
    const objects = db
      .prepare<[], { type: string; name: string; sql: string | null }>(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all();
    return new Map(
      objects.map(({ type, name, sql }) => {
        const columns = type === "table" ? columnsOf(db, name) : new Map<string, string>();
        return [`${type} ${name}`, { text: spelled(sql ?? ""), columns }] as const;
      }),
    );
  } finally {
    db.close();
  }
}

const columnsOf = (db: Database.Database, table: string): Map<string, string> =>
  new Map(
    db
      .prepare<[string], { name: string }>("SELECT * FROM pragma_table_xinfo(?)")
      .all(table)
      .map((row) => [row.name, JSON.stringify(row)]),
  );

const spelled = (sql: string): string =>
  sql
    .replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, " ")
    .replaceAll(/["`[\]\s]+/g, " ")
    .replaceAll(/\s*([(),])\s*/g, "$1")
    .toLowerCase()
    .trim();
