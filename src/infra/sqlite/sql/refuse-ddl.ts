import type { Database } from "better-sqlite3";
import { mayHaveTemporaryObjects, prepared } from "../connection.ts";
import type { DdlTarget } from "./ddl-target.ts";
import type { Op } from "./opcodes.ts";
import type { Refusal } from "./refusal.ts";
import { foldName, nameOf, type Token } from "./tokens.ts";

/** True for names of what Schemaledger keeps inside a managed database. */
export const isReserved = (name: string): boolean => foldName(name).startsWith("schemaledger_");

/**
 * Why a CREATE, ALTER or DROP must not run: it touches or imitates Schemaledger's own tables
 * (also from a trigger's or view's text, which could act later), or it puts a temporary object in
 * the way of a main one, so that later statements would mean something else than they say.
 */
export function refuseDdl(
  db: Database,
  tokens: readonly Token[],
  ddl: DdlTarget | undefined,
  ops: readonly Op[],
): Refusal | undefined {
  const named = tokens.map((token) => nameOf(token)).find((name) => isReserved(name ?? ""));
  if (named !== undefined) return reserved(named);
  if (ddl === undefined) return undefined;
  const made = ddl.verb === "create" ? ddl.name : ddl.renameTo;
  // A virtual table of this name would make tables with the reserved prefix.
  if (made !== undefined && foldName(made) === "schemaledger") return reserved(made);
  const schema = ops.find((op) => op.opcode === "SetCookie" && op.p2 === 1)?.p1;
  if (made === undefined || schema === undefined) return undefined;
  return shadowing(db, made, schema) ?? tempTrigger(db, ddl, schema);
}

function shadowing(db: Database, made: string, schema: number): Refusal | undefined {
  if (!exists(db, schema === 1 ? "main" : "temp", made)) return undefined;
  return {
    code: "temp-shadow",
    reason: `A temporary object and one of the database would both be named ${made}`,
    hint: "Give the temporary object another name",
  };
}

function tempTrigger(db: Database, ddl: DdlTarget, schema: number): Refusal | undefined {
  if (schema !== 1 || ddl.type !== "trigger" || ddl.on === undefined) return undefined;
  if (ddl.on.schema !== "main" && exists(db, "temp", ddl.on.name)) return undefined;
  return {
    code: "temp-trigger",
    reason: `A temporary trigger on ${ddl.on.name} would change what later statements do to it`,
    hint: "Write the changes as statements, or make an ordinary trigger",
  };
}

/** SQLite's NOCASE folds ASCII only, as names do. */
const exists = (db: Database, schema: "main" | "temp", name: string): boolean =>
  (schema === "main" || mayHaveTemporaryObjects(db)) &&
  prepared<[string], unknown>(
    db,
    `SELECT 1 FROM ${schema}.sqlite_schema WHERE name = ? COLLATE NOCASE`,
  ).get(name) !== undefined;

const reserved = (name: string): Refusal => ({
  code: "tampering",
  reason: `The statement names ${name}; names beginning with schemaledger are reserved`,
  hint: "Choose another name, and leave Schemaledger's own tables alone",
});
