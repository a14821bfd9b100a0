import type { Parsed } from "./parser.ts";
import { listOf, partsOf, rangeOf, droppedNames, type Written } from "./tree.ts";

/** What a statement is, by its syntax tree. */
export interface Classification {
  /** It begins or ends transactions. */
  readonly control?: string;
  /** PostgreSQL refuses it inside a transaction: what it is, in words. */
  readonly outside?: string;
  /** The value that it adds to an enum. */
  readonly enumValue?: string;
  /** It changes the session, not only the transaction. */
  readonly leaks?: string;
  /** What it executes cannot be seen in it. */
  readonly opaque: boolean;
  /** It reaches out of the database, in words. */
  readonly reachesOut?: string;
  /** It turns off what guards the rows. */
  readonly unguards?: string;
  /** Tables that it drops, truncates, deletes from, or takes columns or values away from. */
  readonly destroys: readonly Written[];
  /** Tables that it mentions. */
  readonly mentions: readonly Written[];
  readonly usesParameter: boolean;
}

/** Classifies one statement. Pure. */
export function classify({ kind, node, sql }: Parsed): Classification {
  const parts = [...partsOf(node)];
  const mentions = [
    ...parts.flatMap(([, part]) => rangeOf(part) ?? []),
    ...(kind === "DropStmt" ? droppedNames(node) : []),
  ];
  const found = {
    control: kind === "TransactionStmt" ? controlWord(String(node["kind"])) : undefined,
    outside: outsideOf({ kind, node }),
    enumValue: kind === "AlterEnumStmt" ? textOf(node["newVal"], node["oldVal"]) : undefined,
    leaks: leakOf({ kind, node }),
    reachesOut: reachOf({ kind, node }),
    unguards: unguardingOf({ kind, node, sql }),
  };
  return {
    ...Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)),
    opaque: isOpaque({ kind, node }, parts),
    destroys: destroyedBy({ kind, node }, parts),
    mentions,
    usesParameter: parts.some(([member]) => member === "ParamRef"),
  };
}

type Statement = Pick<Parsed, "kind" | "node">;

const controlWord = (kind: string): string => kind.replace("TRANS_STMT_", "").replaceAll("_", " ");

const textOf = (value: unknown, old: unknown): string | undefined =>
  typeof value === "string" && old === undefined ? value : undefined;

const OUTSIDE: { readonly [kind: string]: string } = {
  CreatedbStmt: "CREATE DATABASE",
  DropdbStmt: "DROP DATABASE",
  CreateTableSpaceStmt: "CREATE TABLESPACE",
  DropTableSpaceStmt: "DROP TABLESPACE",
  AlterSystemStmt: "ALTER SYSTEM",
  CreateSubscriptionStmt: "CREATE SUBSCRIPTION",
};

/** What PostgreSQL refuses in a transaction block (25001). */
function outsideOf({ kind, node }: Statement): string | undefined {
  if (kind in OUTSIDE) return OUTSIDE[kind];
  switch (kind) {
    case "IndexStmt":
      return node["concurrent"] === true ? "CREATE INDEX CONCURRENTLY" : undefined;
    case "DropStmt":
      return node["concurrent"] === true ? "DROP INDEX CONCURRENTLY" : undefined;
    case "ReindexStmt":
      if (hasOption(node, "concurrently")) return "REINDEX CONCURRENTLY";
      return /DATABASE|SCHEMA|SYSTEM/.test(String(node["kind"]))
        ? "REINDEX of a whole schema or database"
        : undefined;
    case "VacuumStmt":
      return node["is_vacuumcmd"] === true ? "VACUUM" : undefined;
    case "ClusterStmt":
      return node["relation"] === undefined ? "CLUSTER of all tables" : undefined;
    case "DiscardStmt":
      return node["target"] === "DISCARD_ALL" ? "DISCARD ALL" : undefined;
    case "AlterTableStmt":
      return detachesConcurrently(node) ? "DETACH PARTITION CONCURRENTLY" : undefined;
    default:
      return undefined;
  }
}

const hasOption = (node: Parsed["node"], name: string): boolean =>
  [...partsOf(node["params"])].some(([, part]) => part["defname"] === name);

const detachesConcurrently = (node: Parsed["node"]): boolean =>
  [...partsOf(node["cmds"])].some(
    ([member, part]) => member === "PartitionCmd" && part["concurrent"] === true,
  );

function leakOf({ kind, node }: Statement): string | undefined {
  if (kind === "ListenStmt") return "LISTEN";
  if (kind !== "VariableSetStmt" || node["is_local"] === true) return undefined;
  const name = typeof node["name"] === "string" ? node["name"] : "";
  // SET TRANSACTION … speaks of this transaction alone.
  return name === "TRANSACTION" || name === "TRANSACTION SNAPSHOT" ? undefined : `SET ${name}`;
}

function reachOf({ kind, node }: Statement): string | undefined {
  if (kind === "LoadStmt") return "LOAD puts a library into the server";
  if (kind !== "CopyStmt") return undefined;
  if (node["is_program"] === true) return "COPY … PROGRAM runs a program on the server";
  if (typeof node["filename"] === "string")
    return "COPY reads or writes a file of the server's machine";
  return "COPY with rows of its own needs a client that sends or takes them";
}

/** Row conservation and foreign keys stand on these. */
function unguardingOf({ kind, node, sql }: UnguardingText): string | undefined {
  const text = kind === "VariableSetStmt" ? String(node["name"]) : OPEN.has(kind) ? sql : "";
  if (/session_replication_role/i.test(text))
    return "session_replication_role turns foreign keys and triggers off";
  if (/track_counts/i.test(text)) return "track_counts turns off the counting of lost rows";
  return undefined;
}

type UnguardingText = Pick<Parsed, "kind" | "node" | "sql">;

/** Kinds that can set what they do not show: by set_config, or in a block. */
const OPEN: ReadonlySet<string> = new Set([
  "DoStmt",
  "SelectStmt",
  "CreateFunctionStmt",
  "CallStmt",
  "InsertStmt",
  "UpdateStmt",
]);

/** DO and CALL; a query that calls functions may write as well. */
const isOpaque = ({ kind }: Statement, parts: readonly (readonly [string, unknown])[]): boolean =>
  kind === "DoStmt" ||
  kind === "CallStmt" ||
  kind === "ExecuteStmt" ||
  (kind === "SelectStmt" && parts.some(([member]) => member === "FuncCall"));

const TAKES_AWAY: ReadonlySet<string> = new Set(["AT_DropColumn", "AT_AlterColumnType"]);

function destroyedBy(
  { kind, node }: Statement,
  parts: readonly (readonly [string, Parsed["node"]])[],
): Written[] {
  switch (kind) {
    case "DropStmt":
      return node["removeType"] === "OBJECT_TABLE" ? droppedNames(node) : [];
    case "TruncateStmt":
      return listOf(node, "relations").flatMap((part) => rangeOf(part["RangeVar"]) ?? []);
    case "AlterTableStmt": {
      const table = rangeOf(node["relation"]);
      const takes = parts.some(([, part]) => TAKES_AWAY.has(String(part["subtype"])));
      return takes && table !== undefined && node["objtype"] === "OBJECT_TABLE" ? [table] : [];
    }
    default: {
      const own = kind === "DeleteStmt" ? [node] : [];
      const inner = parts.flatMap(([member, part]) => (member === "DeleteStmt" ? [part] : []));
      return [...own, ...inner].flatMap((part) => rangeOf(part["relation"]) ?? []);
    }
  }
}
