import type { StatementClass } from "../../../domain/trust/sql-limits.ts";
import type { Parsed } from "./parser.ts";

const CLASSES: { readonly [kind: string]: StatementClass } = {
  CreateStmt: "create-table",
  CreateTableAsStmt: "create-table",
  IndexStmt: "create-index",
  ViewStmt: "create-view",
  CreateTrigStmt: "create-trigger",
  AlterTableStmt: "alter-table",
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
  SelectStmt: "select",
  VacuumStmt: "maintenance",
  ReindexStmt: "maintenance",
  ClusterStmt: "maintenance",
};

const DROPS: { readonly [kind: string]: StatementClass } = {
  OBJECT_TABLE: "drop-table",
  OBJECT_INDEX: "drop-index",
  OBJECT_VIEW: "drop-view",
  OBJECT_MATVIEW: "drop-view",
  OBJECT_TRIGGER: "drop-trigger",
};

/** What a statement is, by its syntax tree. */
export function statementClass({ kind, node }: Pick<Parsed, "kind" | "node">): StatementClass {
  if (kind === "DropStmt") return DROPS[String(node["removeType"])] ?? "other";
  if (kind === "RenameStmt" && /TABLE|COLUMN/.test(String(node["renameType"])))
    return "alter-table";
  return CLASSES[kind] ?? "other";
}
