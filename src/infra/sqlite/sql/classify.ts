import type { Database } from "better-sqlite3";
import { readSchemaRows } from "../schema-rows.ts";
import {
  catalogueOf,
  NOTHING,
  writtenPages,
  writtenTables,
  type Catalogue,
  type PlacedObject,
} from "./catalogue.ts";
import { ddlTarget, type DdlTarget } from "./ddl-target.ts";
import { tellingOps, type Op } from "./opcodes.ts";
import type { Refusal } from "./refusal.ts";
import { isReserved, refuseDdl } from "./refuse-ddl.ts";
import { firstToken, sqlTokens } from "./tokens.ts";

/** What one statement would do to the database as it is now. */
export interface Classification {
  /** `pragma`: not looked at here, see `gatePragma`. */
  readonly kind: "refuse" | "pragma" | "ddl" | "write" | "read";
  /** Why it must not run; only for `refuse`. */
  readonly refusal?: Refusal;
  /** True if it can end the whole transaction when it fails (`ROLLBACK` conflict handling). */
  readonly mayRollBack: boolean;
  /** True if it leaves something in the connection: throw it away after the step. */
  readonly taints: boolean;
  /** Names of main tables whose rows it may change, by direct writes, triggers or cascades. */
  readonly writes: readonly string[];
  /** Root pages of the main database's trees that it writes, empties or drops. */
  readonly pages: readonly number[];
  /** True if the opcodes do not show all that it writes: something runs SQL of its own. */
  readonly blind: boolean;
  /** For ALTER TABLE … RENAME TO in the main database. */
  readonly renamed?: { readonly from: string; readonly to: string };
}

/**
 * Looks at what SQLite would execute for one statement, just before it runs. Throws what
 * preparing it throws (syntax, missing table …). A NUL character must have been refused before.
 * `schema` gives the rows of `sqlite_schema` as they are now;
 * `values` are what its parameters stand for.
 */
export function classify(
  db: Database,
  sql: string,
  schema: () => readonly PlacedObject[] = () => readSchemaRows(db).rows,
  values: readonly unknown[] = [],
): Classification {
  const first = firstToken(sql);
  if (first === undefined)
    return refused("not-one-statement", "The statement is empty", "Remove it");
  if (first.word === "PRAGMA") return plain("pragma");
  const bare = sql.slice(first.start);
  const ops = compile(db, bare, values);
  if (!Array.isArray(ops)) return { ...plain("refuse"), refusal: ops };
  const target = DDL.has(first.word) ? sqlTokens(bare) : [];
  const ddl = ddlTarget(target);
  const usesMain = ops.some((op) => op.opcode === "Transaction" && op.p1 === 0);
  const catalogue = usesMain ? catalogueOf(schema()) : NOTHING;
  // Rebuilding indexes writes to their pages but changes no row.
  const rows = first.word === "REINDEX" ? [] : ops;
  const refusal =
    refuseEscape(ops) ?? refuseTampering(rows, catalogue) ?? refuseDdl(db, target, ddl, ops);
  if (refusal === undefined && first.explain) return plain("read");
  const kind = refusal === undefined ? kindOf(ops) : "refuse";
  return {
    kind,
    ...(refusal === undefined ? {} : { refusal }),
    mayRollBack: ops.some((op) => op.opcode === "Halt" && op.p1 !== 0 && op.p2 === 1),
    taints: ops.some(touchesTemp),
    writes: writtenTables(db, bare, rows, catalogue),
    pages: writtenPages(rows),
    blind: ops.some((op) => BLIND.has(op.opcode)),
    ...renameOf(ddl, ops),
  };
}

const DDL = new Set(["CREATE", "ALTER", "DROP"]);
const CHANGES_SCHEMA = new Set(["ParseSchema", "DropTable", "DropIndex", "DropTrigger", "Destroy"]);

/** Modules of virtual tables write their own tables, and SqlExec runs a text. */
const BLIND = new Set(["VUpdate", "VRename", "VDestroy", "VCreate", "SqlExec"]);

function compile(db: Database, sql: string, values: readonly unknown[]): Op[] | Refusal {
  try {
    return tellingOps(db, sql, values);
  } catch (error) {
    // The driver's own complaints; what SQLite says is an SqliteError.
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    if (/parameter/i.test(error.message))
      return {
        code: "bind-parameter",
        reason: "The statement has a parameter, for which a script has no value",
        hint: "Write the value into the statement",
      };
    if (error instanceof TypeError) throw error;
    return {
      code: "not-one-statement",
      reason: "The text is not exactly one statement",
      hint: "Separate statements by semicolons outside of quotes and comments",
    };
  }
}

function refuseEscape(ops: readonly Op[]): Refusal | undefined {
  for (const { opcode, p1, p2, p4 } of ops) {
    if (opcode === "AutoCommit" || opcode === "Savepoint")
      return {
        code: "transaction-control",
        reason: "The statement would leave the transaction that makes the step all or nothing",
        hint: "Remove it: the step runs in one transaction of its own",
      };
    if (opcode === "Vacuum")
      return {
        code: "vacuum",
        reason: "VACUUM cannot run inside a transaction",
        hint: 'Put it into a migration of its own, declared with transaction: "none"',
      };
    const escape =
      opcode === "Function" && /^(sqlite_attach|sqlite_detach|load_extension)\(/.exec(p4 ?? "");
    if (escape) return ESCAPES[escape[1]!];
    if (opcode === "Transaction" && p1 > 1 && p2 > 0)
      return {
        code: "foreign-database",
        reason: "The statement would write to an attached database",
        hint: "Register the other database and migrate it by migrations of its own",
      };
  }
  return undefined;
}

const other = (code: string, what: string): Refusal => ({
  code,
  reason: `${what} would let the step touch another database, which nothing would roll back`,
  hint: "Register the other database and migrate it by migrations of its own",
});

const ESCAPES: { readonly [call: string]: Refusal } = {
  sqlite_attach: other("attach", "ATTACH"),
  sqlite_detach: other("detach", "DETACH"),
  load_extension: {
    code: "load-extension",
    reason: "The statement would load program code into the step",
    hint: "Remove the call of load_extension()",
  },
};

function refuseTampering(ops: readonly Op[], { tableOfPage }: Catalogue): Refusal | undefined {
  const table = writtenPages(ops)
    .map((page) => tableOfPage.get(page))
    .find((name) => name !== undefined && isReserved(name));
  if (table === undefined) return undefined;
  return {
    code: "tampering",
    reason: `The statement would write to ${table}, which proves what was done to this database`,
    hint: "Remove it; if a trigger writes there, drop that trigger first",
  };
}

function kindOf(ops: readonly Op[]): "ddl" | "write" | "read" {
  if (ops.some((op) => CHANGES_SCHEMA.has(op.opcode))) return "ddl";
  return ops.some((op) => op.opcode === "Transaction" && op.p2 > 0) ? "write" : "read";
}

/** Makes, changes or drops a temporary object, or writes rows to one. */
function touchesTemp({ opcode, p1, p2, p3 }: Op): boolean {
  if (opcode === "SetCookie") return p1 === 1;
  if (opcode === "OpenWrite") return p3 === 1 && p2 !== 1;
  if (opcode === "Destroy") return p3 === 1;
  return opcode === "Clear" && p2 === 1;
}

function renameOf(
  ddl: DdlTarget | undefined,
  ops: readonly Op[],
): { readonly renamed?: { readonly from: string; readonly to: string } } {
  const main = ops.some((op) => op.opcode === "SetCookie" && op.p1 === 0);
  if (!main || ddl?.renameTo === undefined) return {};
  return { renamed: { from: ddl.name, to: ddl.renameTo } };
}

const plain = (kind: Classification["kind"]): Classification => ({
  kind,
  mayRollBack: false,
  taints: false,
  writes: [],
  pages: [],
  blind: kind === "pragma",
});

const refused = (code: string, reason: string, hint: string): Classification => ({
  ...plain("refuse"),
  refusal: { code, reason, hint },
});
