import type { Progress } from "../../domain/engine/database-engine.ts";
import type { TableRows } from "../../domain/migration/events.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";

/** Nobody reads faster. */
const READABLE_MS = 20;

/** With so few rows in the whole database a statement is short, unless it makes rows of its own. */
const FEW_ROWS = 10_000;
const MAKES_ROWS = /\b(?:select|with)\b/i;
const SHORT_TEXT = 2_000;

/** A statement that begins, and the rows that the database has. */
interface Beginning {
  readonly sql: string;
  readonly rows: TableRows;
}

/**
 * Tells of statements when they begin, since nothing can be told while they run. A message costs both
 * processes more than a short statement: of those only what comes a while after the last one is told.
 */
export class StatementProgress {
  readonly #host: Pick<SessionHost, "onProgress">;
  #toldAt = -Infinity;

  constructor(host: Pick<SessionHost, "onProgress">) {
    this.#host = host;
  }

  begins(statement: Beginning, progress: Progress): void {
    const now = performance.now();
    if (now - this.#toldAt < READABLE_MS && isShort(statement)) return;
    this.#toldAt = now;
    this.#host.onProgress(progress);
  }
}

function isShort({ sql, rows }: Beginning): boolean {
  if (sql.length > SHORT_TEXT || MAKES_ROWS.test(sql)) return false;
  let total = 0;
  for (const count of Object.values(rows)) total += count;
  return total <= FEW_ROWS;
}
