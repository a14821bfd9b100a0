import type { CodeLanguage } from "../../domain/migration/migration.ts";
import { loadModule } from "../code/load-module.ts";
import type { Connection } from "./connection.ts";
import { StepFault } from "../step/step-fault.ts";

/** What an exported function may say about itself beside its code. */
interface Declared {
  (...values: unknown[]): unknown;
  /** Default true: the same arguments give the same result. */
  readonly deterministic?: boolean;
  /** Takes any number of arguments. */
  readonly varargs?: boolean;
  /** Integers come as bigint. */
  readonly safeIntegers?: boolean;
}

const known = new WeakMap<Connection, string>();

/**
 * Registers every function that a module exports under its name, once a connection. Throws a
 * `StepFault` sql-functions-invalid.
 */
export async function useFunctions(
  db: Connection,
  text: string | undefined,
  language: CodeLanguage = "javascript",
): Promise<void> {
  if (text === undefined || known.get(db) === text) return;
  try {
    const exported = Object.entries(await loadModule(text, language));
    for (const [name, value] of exported)
      if (typeof value === "function" && name !== "default") register(db, name, value as Declared);
  } catch (error) {
    throw new StepFault({
      code: "sql-functions-invalid",
      message: `The module of SQL functions cannot be used: ${messageOf(error)}`,
      hint: "It exports plain functions, imports nothing but node: modules, and is a module (export, not module.exports)",
    });
  }
  known.set(db, text);
}

function register(db: Connection, name: string, declared: Declared): void {
  const { deterministic = true, varargs = false, safeIntegers = false } = declared;
  const call = (...values: unknown[]): unknown => forSqlite(declared(...values));
  // The driver counts the parameters of what it is given.
  Object.defineProperty(call, "length", { value: declared.length });
  db.function(name, { deterministic, varargs, safeIntegers }, call);
}

/** SQLite knows neither truth values nor nothing at all. */
function forSqlite(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof Uint8Array && !Buffer.isBuffer(value) ? Buffer.from(value) : value;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 300) : "it throws";
