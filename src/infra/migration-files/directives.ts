import type { Allowances, TransactionMode } from "../../domain/database/events.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";

/** What a script says about itself. */
export interface Directives {
  readonly transaction?: TransactionMode;
  readonly allow?: Allowances;
}

const DIRECTIVE = /^(?:--|\/\/)\s*schemaledger:([\w-]+)[ \t]*(.*?)\s*$/;

/**
 * Reads `-- schemaledger:` lines (of code, `// schemaledger:`) from the comments at the script's head:
 * `allow-row-loss orders, lines` and `transaction none`. Error: InvalidInput directive-unknown.
 */
export function directivesOf(file: string, text: string): Directives {
  const rowLoss: string[] = [];
  let transaction: TransactionMode | undefined;
  for (const line of head(text)) {
    const [, name, value] = DIRECTIVE.exec(line) ?? [];
    // What the linter is to pass over is read by it.
    if (name === undefined || name === "lint-ignore") continue;
    if (name === "allow-row-loss" && value !== "") rowLoss.push(...value!.split(/\s*,\s*/));
    else if (name === "transaction" && (value === "none" || value === "required"))
      transaction = value;
    else throw unknown(file, line.trim());
  }
  return {
    ...(transaction === undefined ? {} : { transaction }),
    ...(rowLoss.length === 0 ? {} : { allow: { rowLoss } }),
  };
}

/** The comment and empty lines before the first statement. */
function* head(text: string): Generator<string> {
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const line = text.slice(from, end < 0 ? undefined : end).trim();
    if (line !== "" && !/^(?:--|\/\/)/.test(line)) return;
    yield line;
    if (end < 0) return;
    from = end + 1;
  }
}

const unknown = (file: string, line: string): InvalidInput =>
  new InvalidInput("directive-unknown", `${file}: ${line} is not known`, {
    hint: "Known are `-- schemaledger:allow-row-loss TABLE, …` and `-- schemaledger:transaction none`",
  });
