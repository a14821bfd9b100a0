import Database from "better-sqlite3";
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type {
  DatabaseEngine,
  DatabaseTarget,
  TableBackupResult,
} from "../../src/domain/engine/database-engine.ts";
import type { SessionHost } from "../../src/domain/engine/executor.ts";
import { Conflict, InvalidInput } from "../../src/domain/shared/errors.ts";
import type { EngineOptions } from "../../src/infra/executor/engines.ts";

/*
 * An engine for tests of the processes around it. The script of a step is the name of what to do;
 * every method else answers with its name and arguments.
 */

const saved: TableBackupResult = { backupId: "b", tables: { t: 3 }, method: "copied" };

type Behaviour = (sql: string, host: SessionHost, options: EngineOptions) => unknown;

const behaviours: { readonly [name: string]: Behaviour } = {
  echo: (sql) => sql,
  length: (sql) => sql.length,
  environment: () => ({ ...process.env, cwd: process.cwd(), execArgv: process.execArgv }),
  conflict: () => {
    throw new Conflict("row-conflict", "Rows differ", { hint: "Look", details: { table: "t" } });
  },
  bug: () => {
    throw new TypeError("x is not a function");
  },
  unwritable: () => 1n,
  forever: () => {
    for (;;) {
      // What a statement that never ends looks like from outside.
    }
  },
  never: () => new Promise(() => setInterval(() => undefined, 1000)),
  exit: () => process.exit(7),
  abort: () => {
    process.stderr.write(`${"x".repeat(100_000)} the last words\n`);
    process.abort();
  },
  disconnect: () => {
    process.removeAllListeners("disconnect");
    process.disconnect();
    return new Promise(() => setInterval(() => undefined, 1000));
  },
  progress: (_sql, host) => {
    host.onProgress({ phase: "step", statement: 1, statements: 2 });
    host.onProgress({ phase: "step", statement: 2, statements: 2 });
    return "told";
  },
  flood: async (_sql, host) => {
    for (let n = 0; n < 50_000; n++) {
      host.onProgress({ phase: "step", statement: n, detail: "x".repeat(200) });
    }
    await delay(1);
    return "flooded";
  },
  tables: async (_sql, host) => {
    await host.onTablesSaved(saved);
    return "recorded";
  },
  faults: (_sql, _host, options) => {
    options.faults("commit");
    options.faults("commit");
    return "passed";
  },
  late: () => delay(50, "late"),
};

/** Writes a row in a transaction that stays open, then waits for ever. */
async function holdTransaction(file: string): Promise<never> {
  const database = new Database(file);
  database.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
  writeFileSync(`${file}.pid`, String(process.pid));
  for (;;) {
    await delay(1000);
    database.prepare("SELECT count(*) FROM t").get();
  }
}

/** The same without ever letting the event loop turn: all it does is to report. */
function holdBusily(file: string, host: SessionHost): never {
  const database = new Database(file);
  database.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
  writeFileSync(`${file}.pid`, String(process.pid));
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    Atomics.wait(clock, 0, 0, 10);
    host.onProgress({ phase: "step" });
  }
}

/** In one statement that does not end: nothing of this process's own code runs any more. */
function holdEndlessly(file: string): never {
  const database = new Database(file);
  database.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
  writeFileSync(`${file}.pid`, String(process.pid));
  const endless =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  throw new Error(String(database.prepare(endless).get()));
}

async function act(argument: string, host: SessionHost, options: EngineOptions): Promise<unknown> {
  if (argument.startsWith("hold:")) {
    return holdTransaction(argument.slice("hold:".length));
  }
  if (argument.startsWith("hold-busily:")) {
    return holdBusily(argument.slice("hold-busily:".length), host);
  }
  if (argument.startsWith("hold-endlessly:")) {
    return holdEndlessly(argument.slice("hold-endlessly:".length));
  }
  const name = argument.split(" ", 1)[0]!;
  return behaviours[name]!(argument, host, options);
}

export function createEngine(
  target: DatabaseTarget,
  host: SessionHost,
  options: EngineOptions,
): DatabaseEngine {
  if (target.url === "/refused") {
    throw new InvalidInput("url-refused", "Not here", { hint: "Elsewhere" });
  }
  const engine = {
    applySteps: async ([step]: readonly { readonly sql: string }[]) => [
      await act(step!.sql, host, options),
    ],
  };
  return new Proxy(engine, {
    get: (object, name) =>
      name === "applySteps"
        ? object.applySteps
        : // What has a `then` is waited for, and this one would never answer.
          name === "then"
          ? undefined
          : (...args: readonly unknown[]) =>
              Promise.resolve({ method: String(name), args, target }),
  }) as unknown as DatabaseEngine;
}
