import type { ToolName } from "../history-table.ts";
import type { HistoryTool } from "../reading.ts";
import { drizzle } from "./drizzle.ts";
import { flyway } from "./flyway.ts";
import { goose } from "./goose.ts";
import { atlas, sqitch, sqlx } from "./journals.ts";
import { liquibase } from "./liquibase.ts";
import { alembic, d1, diesel, django, efCore, knex, nodePgMigrate, umzug } from "./named.ts";
import { prisma, prisma8 } from "./prisma.ts";
import { dbmate, golangMigrate, rails } from "./schema-migrations.ts";

/** Every tool; where two fit, the earlier one is it. */
export const HISTORY_TOOLS: readonly HistoryTool[] = [
  golangMigrate,
  rails,
  dbmate,
  flyway,
  liquibase,
  drizzle,
  prisma,
  prisma8,
  sqlx,
  knex,
  umzug,
  nodePgMigrate,
  d1,
  django,
  alembic,
  goose,
  atlas,
  sqitch,
  efCore,
  diesel,
];

export const toolNamed = (name: ToolName): HistoryTool =>
  HISTORY_TOOLS.find((tool) => tool.name === name)!;

export const TOOL_NAMES: readonly ToolName[] = HISTORY_TOOLS.map(({ name }) => name).toSorted();
