import { parsePragma, type Pragma } from "./pragma.ts";

/**
 * What is done with a PRAGMA in a step. `skip`: never run, only explained. `taints`: the setting
 * outlives the transaction, so the connection must be thrown away after the step.
 */
export interface PragmaVerdict {
  readonly action: "run" | "skip" | "refuse";
  /** Folded, without schema; empty if the statement cannot be read. */
  readonly name: string;
  readonly taints: boolean;
  /** Always there for `skip` and `refuse`. */
  readonly reason?: string;
  readonly hint?: string;
}

/** Ask the database; their argument selects, it sets nothing. */
const QUERIES = new Set(
  `table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_check
   foreign_key_list integrity_check quick_check page_count freelist_count database_list
   collation_list function_list module_list pragma_list compile_options data_version`.split(/\s+/),
);

/** Written into the database file by the transaction. */
const TRANSACTIONAL = new Set(["user_version", "application_id"]);

/** Maintenance that works inside a transaction; with or without argument. */
const MAINTENANCE = new Set(["optimize", "incremental_vacuum"]);

/** Settings of the connection that a script may need. */
const CONNECTION = new Set(["defer_foreign_keys", "legacy_alter_table", "recursive_triggers"]);

const STORED =
  "it is a setting of the database, not a step: inside a transaction SQLite ignores it";
const OURS = "it would weaken or stop what protects the step";
const TUNING = "it tunes a connection that is thrown away after the step";

const NON_TRANSACTIONAL =
  'Put it into a migration of its own, declared with transaction: "none", or set it outside';
const REMOVE = "Remove the statement";

/** Settings that a step must not change; read without argument they are harmless. */
const REFUSED: ReadonlyMap<string, readonly [reason: string, hint: string]> = new Map([
  ...settings("journal_mode page_size auto_vacuum", STORED, NON_TRANSACTIONAL),
  ...settings("encoding", STORED, "Create the database with the encoding it needs"),
  ...settings(
    `synchronous locking_mode schema_version query_only ignore_check_constraints trusted_schema
     case_sensitive_like max_page_count secure_delete cell_size_check fullfsync
     checkpoint_fullfsync automatic_index reverse_unordered_selects`,
    OURS,
    REMOVE,
  ),
  ...settings(
    `mmap_size temp_store temp_store_directory soft_heap_limit hard_heap_limit busy_timeout
     cache_size cache_spill journal_size_limit wal_autocheckpoint threads analysis_limit`,
    TUNING,
    REMOVE,
  ),
  ...settings(
    "writable_schema",
    "it allows editing the catalogue by hand, which can make the database unreadable",
    "Rebuild the table with CREATE, INSERT … SELECT, DROP and ALTER TABLE … RENAME instead",
  ),
]);

/** Act although nothing is assigned. */
const ACTING = new Set(["wal_checkpoint", "case_sensitive_like"]);

/**
 * Decides about a statement whose first word is PRAGMA, by its text: a PRAGMA acts as soon as
 * SQLite prepares it, also under EXPLAIN. What is not known here is refused.
 *
 * A schema prefix other than `main` and `temp` is refused, for a step has no other database.
 * `temp.user_version = …` and its like are refused too: they would set a value of the temporary
 * database, which vanishes. Settings of the connection take no notice of a prefix, nor do we.
 */
export function gatePragma(sql: string): PragmaVerdict {
  const pragma = parsePragma(sql);
  if (pragma === undefined)
    return refuse(
      "",
      "it cannot be read",
      "Write PRAGMA name, PRAGMA name = value or PRAGMA name(value)",
    );
  const { name, schema, value } = pragma;
  if (schema !== null && schema !== "main" && schema !== "temp")
    return refuse(name, `a step has no database named "${schema}"`, "Use main or no prefix");
  if (name === "foreign_keys" && value !== null) return skipForeignKeys(value);
  if (CONNECTION.has(name)) return { action: "run", name, taints: value !== null };
  if (TRANSACTIONAL.has(name)) return gateTransactional(pragma);
  if (QUERIES.has(name) || MAINTENANCE.has(name) || name === "foreign_keys") return run(name);
  return gateSetting(pragma);
}

function gateTransactional({ name, schema, value }: Pragma): PragmaVerdict {
  if (schema !== "temp" || value === null) return run(name);
  return refuse(
    name,
    "it would set a value of the temporary database, which vanishes with the connection",
    `Write PRAGMA ${name} without temp`,
  );
}

function gateSetting({ name, value }: Pragma): PragmaVerdict {
  if (name === "wal_checkpoint")
    return refuse(name, "SQLite cannot checkpoint inside a transaction", REMOVE);
  const refused = REFUSED.get(name);
  if (refused === undefined)
    return refuse(name, "it is not one that a step is known to survive", REMOVE);
  if (value === null && !ACTING.has(name)) return run(name);
  return refuse(name, ...refused);
}

function skipForeignKeys(value: string): PragmaVerdict {
  return {
    action: "skip",
    name: "foreign_keys",
    taints: false,
    reason: `PRAGMA foreign_keys = ${value} does nothing inside a transaction; every step runs with foreign keys off, and violations it adds fail the step`,
    hint: "Leave it out, or keep it for other tools: it is never run",
  };
}

const run = (name: string): PragmaVerdict => ({ action: "run", name, taints: false });

const refuse = (name: string, why: string, hint: string): PragmaVerdict => ({
  action: "refuse",
  name,
  taints: false,
  reason: name === "" ? `The PRAGMA is refused: ${why}` : `PRAGMA ${name} is refused: ${why}`,
  hint,
});

function settings(
  names: string,
  reason: string,
  hint: string,
): [string, readonly [reason: string, hint: string]][] {
  return names.split(/\s+/).map((name) => [name, [reason, hint] as const]);
}
