import type { Finding } from "../../../domain/migration/events.ts";
import { parsePragma } from "./pragma.ts";
import { findingAt, type ScriptPart } from "./script-part.ts";
import { foldName, nameOf, sqlTokens } from "./tokens.ts";

const ALLOWED =
  'Allowed are exactly: VACUUM; PRAGMA journal_mode = wal|delete|truncate|persist; PRAGMA auto_vacuum = none|full|incremental followed by VACUUM; PRAGMA page_size = 512 … 65536 followed by VACUUM. Declare everything else with transaction: "required"';

const JOURNAL_MODES = new Set(["wal", "delete", "truncate", "persist"]);
const AUTO_VACUUM = new Set(["none", "full", "incremental", "0", "1", "2"]);
const PAGE_SIZES = new Set(Array.from({ length: 8 }, (_, power) => String(512 << power)));

/**
 * Findings about a script that is to run without a transaction: none if it is one of the few
 * that SQLite makes atomic by itself and that can be repeated and probed after a crash.
 */
export function nonTransactionalFindings(parts: readonly ScriptPart[]): Finding[] {
  const into = parts.find((part) => part.word === "VACUUM" && !isPlainVacuum(part));
  if (into !== undefined)
    return [
      findingAt(
        into,
        "error",
        "vacuum",
        "Only a plain VACUUM of the database itself can be a step; VACUUM INTO writes another file",
        "Take copies with the backup command",
      ),
    ];
  const [first, second, third] = parts;
  if (first !== undefined && third === undefined && isAllowed(first, second)) return [];
  const message = "The script is not one that may run without a transaction";
  return [{ severity: "error", code: "not-non-transactional", message, hint: ALLOWED }];
}

function isAllowed(first: ScriptPart, second: ScriptPart | undefined): boolean {
  if (isPlainVacuum(first)) return second === undefined;
  if (first.word !== "PRAGMA" || /^explain/i.test(first.statement.sql)) return false;
  const pragma = parsePragma(first.statement.sql);
  if (pragma === undefined || (pragma.schema !== null && pragma.schema !== "main")) return false;
  const value = foldName(pragma.value ?? "");
  if (pragma.name === "journal_mode") return second === undefined && JOURNAL_MODES.has(value);
  if (second === undefined || !isPlainVacuum(second)) return false;
  return (
    (pragma.name === "auto_vacuum" && AUTO_VACUUM.has(value)) ||
    (pragma.name === "page_size" && PAGE_SIZES.has(value))
  );
}

/** `VACUUM` or `VACUUM main`. */
function isPlainVacuum({ statement, word }: ScriptPart): boolean {
  if (word !== "VACUUM") return false;
  const [verb, name, extra] = sqlTokens(statement.sql).filter(({ text }) => text !== ";");
  if (verb === undefined || foldName(verb.text) !== "vacuum" || extra !== undefined) return false;
  return name === undefined || foldName(nameOf(name) ?? "") === "main";
}
