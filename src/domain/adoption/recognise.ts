import type { Finding } from "../migration/events.ts";
import { fold, type TableShape, type ToolName } from "./history-table.ts";
import type { HistoryTool } from "./reading.ts";
import { HISTORY_TOOLS } from "./tools/tools.ts";

/** Which tables to read, and as whose. */
export interface Recognised {
  readonly tool: ToolName;
  readonly table: string;
  readonly companions: readonly string[];
}

export interface Recognition {
  readonly found: readonly Recognised[];
  /** Tables that are called like a tool's and are not: never taken for a history. */
  readonly lookAlikes: readonly Finding[];
}

/** What somebody knows better than the columns show. */
export interface Wanted {
  readonly tool?: ToolName;
  /** The tool's table, where it was configured otherwise. */
  readonly table?: string;
}

/** Decides by columns whose histories a database holds. Pure. */
export function recognise(tables: readonly TableShape[], wanted: Wanted = {}): Recognition {
  const others = new Map(tables.map((table) => [fold(table.name), table]));
  const found: Recognised[] = [];
  const lookAlikes: Finding[] = [];
  for (const table of tables) {
    const tool = toolOf(table, others, wanted);
    if (tool !== undefined)
      found.push({ tool: tool.name, table: table.name, companions: beside(tool, table, others) });
    else lookAlikes.push(...lookAlike(table, wanted));
  }
  return { found, lookAlikes };
}

function toolOf(
  table: TableShape,
  others: ReadonlyMap<string, TableShape>,
  { tool: wantedTool, table: wantedTable }: Wanted,
): HistoryTool | undefined {
  const name = fold(table.name);
  if (wantedTable !== undefined && fold(wantedTable) !== name) return undefined;
  const columns = new Set(table.columns.map(fold));
  return HISTORY_TOOLS.find(
    (tool) =>
      (wantedTool === undefined || wantedTool === tool.name) &&
      (tool.byColumns || tool.usualNames.includes(name) || wantedTable !== undefined) &&
      tool.fits(columns, others),
  );
}

function beside(
  tool: HistoryTool,
  { name }: TableShape,
  others: ReadonlyMap<string, TableShape>,
): string[] {
  const wanted = new Set(tool.companions?.(fold(name)) ?? []);
  return [...wanted].flatMap((folded) => others.get(folded)?.name ?? []);
}

/** Common words of applications that a tool uses as well. */
const COMMON = new Set(["events", "schema_version"]);

function lookAlike({ name, columns }: TableShape, wanted: Wanted): Finding[] {
  if (wanted.table !== undefined && fold(wanted.table) !== fold(name)) return [];
  const tools = HISTORY_TOOLS.filter(
    (tool) =>
      (wanted.tool === undefined || tool.name === wanted.tool) &&
      (wanted.table !== undefined || tool.usualNames.includes(fold(name))),
  );
  if (tools.length === 0 || (wanted.table === undefined && COMMON.has(fold(name)))) return [];
  const titles = tools.map(({ title }) => title).join(" or ");
  return [
    {
      severity: "warning",
      code: "history-look-alike",
      table: name,
      message: `${name} is called like the table of ${titles}, but has the columns ${columns.join(", ")}: it was not read`,
      ...(columns.some((column) => fold(column) === "inserted_at")
        ? { hint: "It looks like Ecto's, whose history is not known yet" }
        : {}),
    },
  ];
}
