import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { LintFinding } from "../../src/domain/lint/lint.ts";
import { judge } from "../../src/domain/lint/lint-request.ts";
import type { MigrationInput } from "../../src/domain/migration/migration.ts";
import { lintRun } from "../../src/infra/sqlite/lint/lint-run.ts";

export type Script = string | Partial<MigrationInput>;

export interface LintCase {
  /** Each is a file of its own, `1.sql` and so on. */
  readonly scripts: readonly Script[];
  /** What is in the database before; then it counts as a real one. */
  readonly rows?: string;
  /** The member `lint` of the configuration. */
  readonly config?: object;
}

/** Runs scripts on a scratch database and gives what the rules find. */
export async function linted({ scripts, rows, config }: LintCase): Promise<LintFinding[]> {
  const directory = mkdtempSync(join(tmpdir(), "schemaledger-test-"));
  try {
    const path = join(directory, "scratch.db");
    closeSync(openSync(path, "w"));
    if (rows !== undefined) {
      const db = new Database(path);
      db.pragma("foreign_keys = OFF");
      db.exec(rows);
      db.close();
    }
    const migrations = scripts.map((script, at): MigrationInput => {
      const own = typeof script === "string" ? { up: script } : script;
      return { version: String(at + 1), name: `step ${at + 1}`, up: "", ...own };
    });
    const placed = migrations.map((one) => Object.assign({}, one, { file: `${one.version}.sql` }));
    const request = {
      scratchPath: path,
      migrations: placed,
      texts: Object.fromEntries(placed.map(({ file, up }) => [file, up])),
      reported: placed.map(({ version }) => version),
      settings: config,
      measured: rows !== undefined,
    };
    return [...judge(await lintRun(path, placed), request).findings];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
