import Database from "better-sqlite3";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";

/** What a writer has done and met. */
export interface Written {
  readonly commits: number;
  /** The longest it waited for the lock or the commit, ms. */
  readonly longestMs: number;
  readonly errors: readonly string[];
}

/** How long a writer waits for others, ms: what an application would be patient for. */
export const PATIENCE_MS = 10_000;

/** Tables in which every commit keeps a sum and counts itself. */
export const LEDGER = `
  CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
  CREATE TABLE entry (n INTEGER PRIMARY KEY, filler BLOB);
  CREATE TABLE counter (n INTEGER NOT NULL);
  INSERT INTO counter VALUES (0);
  WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)
    INSERT INTO account SELECT i, 100 FROM c;`;

/** What is wrong in a database that a writer left at any moment; empty: nothing. */
export function inconsistencies(db: Database.Database): string[] {
  const value = (sql: string): number => db.prepare<[], number>(sql).pluck().get()!;
  const sum = value("SELECT sum(balance) FROM account");
  const [entries, counter] = [value("SELECT count(*) FROM entry"), value("SELECT n FROM counter")];
  const soundness = String(db.pragma("integrity_check(1)", { simple: true }));
  return [
    ...(sum === 40_000 ? [] : [`the sum is ${sum}`]),
    ...(entries === counter ? [] : [`${entries} entries, ${counter} counted`]),
    ...(soundness === "ok" ? [] : [soundness]),
  ];
}

/** A process that writes to a database as fast as it can. */
export class LiveWriter {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Resolves when it has committed for the first time. */
  static async start(path: string): Promise<LiveWriter> {
    const child = fork(import.meta.filename, [path], { serialization: "json" });
    await once(child, "message");
    return new LiveWriter(child);
  }

  /** Lets it end its transaction, and says what it did. */
  async stop(): Promise<Written> {
    const answer = once(this.#process, "message");
    this.#process.send("stop");
    const [written] = (await answer) as [Written];
    await once(this.#process, "exit");
    return written;
  }

  close(): void {
    this.#process.kill("SIGKILL");
  }
}

async function main(path: string): Promise<void> {
  let stopped = false;
  process.once("message", () => (stopped = true));
  const db = new Database(path, { timeout: PATIENCE_MS });
  db.pragma("foreign_keys = OFF");
  let commits = 0;
  let longestMs = 0;
  const errors: string[] = [];
  while (!stopped) {
    const began = performance.now();
    try {
      write(db, commits);
      commits += 1;
      if (commits === 1) process.send!("writing");
    } catch (error) {
      if (db.inTransaction) db.exec("ROLLBACK");
      errors.push(error instanceof Error ? error.message : String(error));
      if (errors.length > 20) break;
    }
    longestMs = Math.max(longestMs, performance.now() - began);
    await turn();
  }
  db.close();
  process.send!({ commits, longestMs, errors } satisfies Written, () => process.disconnect());
}

function write(db: Database.Database, n: number): void {
  db.exec("BEGIN IMMEDIATE");
  db.prepare("UPDATE account SET balance = balance - 1 WHERE id = ?").run(1 + (n % 400));
  db.prepare("UPDATE account SET balance = balance + 1 WHERE id = ?").run(1 + ((n * 7) % 400));
  db.exec("UPDATE counter SET n = n + 1; INSERT INTO entry SELECT n, zeroblob(300) FROM counter");
  db.exec("COMMIT");
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2]!);
