import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type {
  Cell,
  FoundHistory,
  TableContent,
  TableShape,
} from "../../domain/adoption/history-table.ts";
import { recognise, type Recognised, type Wanted } from "../../domain/adoption/recognise.ts";
import { HISTORY_TOOLS } from "../../domain/adoption/tools/tools.ts";
import type { Histories, HistoriesRequest } from "../../domain/engine/database-engine.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { readCatalog, type Catalog } from "./catalog.ts";
import { readSnapshot, type Connection } from "./connection.ts";
import { withDatabase } from "./connections.ts";
import { liveSchema } from "./fingerprint.ts";
import { readMeta, requireIdentity, requireMeta } from "./meta.ts";
import { quoteName } from "./quote.ts";
import type { Session } from "./session.ts";
import { engineError } from "./sqlite-error.ts";

/** No tool's history is larger; a table that only looks like one may be. */
const MAX_ROWS = 100_000;
const MAX_CHARACTERS = 64 << 20;

/** Reads other tools' history tables without writing. See `DatabaseEngine.histories`. */
export async function readHistories(
  { target }: Session,
  request: HistoriesRequest,
): Promise<Histories> {
  const { registered, ...wanted } = request;
  try {
    const own = await withDatabase(target.url, "checking", (db) =>
      readSnapshot(db, () => {
        db.pragma("query_only = ON");
        const meta = registered ? requireMeta(db) : readMeta(db);
        if (registered && meta !== undefined) requireIdentity(meta, target);
        const live = liveSchema(db);
        return { live, ...historiesIn(db, wanted) };
      }),
    );
    const beside = await besideOf(target.url, wanted, own.histories);
    return { ...own, histories: [...own.histories, ...beside] };
  } catch (error) {
    throw engineError(error);
  }
}

type Read = Pick<Histories, "histories" | "lookAlikes">;

function historiesIn(db: Connection, wanted: Wanted, beside?: string): Read {
  const catalog = readCatalog(db);
  const { found, lookAlikes } = recognise(shapesOf(catalog), wanted);
  const budget = { characters: MAX_CHARACTERS };
  const read = (name: string): TableContent => contentOf(db, catalog, name, budget);
  const historyOf = ({ tool, table, companions }: Recognised): FoundHistory => ({
    tool,
    table: read(table),
    companions: companions.map(read),
    ...(beside === undefined ? {} : { beside }),
  });
  const histories = found.map(historyOf);
  return { histories, lookAlikes };
}

const shapesOf = ({ entries }: Catalog): TableShape[] =>
  entries
    .filter(({ type, kind }) => type === "table" && kind === "table")
    .map(({ name, columns = [] }) => ({ name, columns: columns.map((column) => column.name) }));

function contentOf(
  db: Connection,
  { entries }: Catalog,
  name: string,
  budget: { characters: number },
): TableContent {
  const entry = entries.find((one) => one.type === "table" && one.name === name)!;
  const columns = (entry.columns ?? []).map((column) => column.name);
  const order = entry.withoutRowid ? "" : " ORDER BY rowid";
  const rows: Cell[][] = [];
  const statement = db
    .prepare<[], unknown[]>(
      `SELECT ${columns.map(quoteName).join(", ")} FROM main.${quoteName(name)}${order}`,
    )
    .raw()
    .safeIntegers();
  for (const values of statement.iterate()) {
    const cells = values.map(cellOf);
    rows.push(cells);
    for (const cell of cells) budget.characters -= typeof cell === "string" ? cell.length : 16;
    if (rows.length > MAX_ROWS || budget.characters < 0) throw tooLarge(name);
  }
  return { name, columns, rows };
}

function cellOf(value: unknown): Cell {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : { integer: String(value) };
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return { hex: Buffer.from(value as Uint8Array).toString("hex") };
}

/** A tool's own file in the same directory: a regular file, for a link may lead anywhere. */
async function besideOf(
  url: string,
  wanted: Wanted,
  own: readonly FoundHistory[],
): Promise<FoundHistory[]> {
  const found: FoundHistory[] = [];
  for (const { name, beside } of HISTORY_TOOLS) {
    if (beside === undefined || (wanted.tool !== undefined && wanted.tool !== name)) continue;
    const path = join(dirname(url), beside);
    if (path === url || own.some(({ tool }) => tool === name)) continue;
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isFile() !== true) continue;
    const { histories } = await withDatabase(path, "checking", (db) =>
      readSnapshot(db, () => historiesIn(db, { ...wanted, tool: name }, beside)),
    );
    found.push(...histories);
  }
  return found;
}

const tooLarge = (table: string): InvalidInput =>
  new InvalidInput("history-too-large", `${table} is larger than any tool's history`, {
    hint: "Name the tool and its table, if this is not the one",
  });
