import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";

/*
 * Code inside a server that only reads, loaded with `--import`, that tries to write into the data
 * directory that HOSTILE_DATA names, by every way it can think of. HOSTILE_WRITER is the process id of
 * the service that may write. It begins with SIGUSR2 and prints what became of each try as one line.
 */
const data = process.env["HOSTILE_DATA"]!;
const ledger = join(data, "ledger.db");
const handles = new Set<DatabaseSync>();
const { value: prepare } = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, "prepare") as {
  value: (...args: unknown[]) => unknown;
};
Reflect.set(DatabaseSync.prototype, "prepare", function (this: DatabaseSync, ...args: unknown[]) {
  handles.add(this);
  return prepare.apply(this, args);
});

const INSERT = "INSERT INTO content VALUES ('sha256:evil', 'evil')";

const TRIES: { readonly [way: string]: () => unknown } = {
  "a new connection": () => new DatabaseSync(ledger).exec(INSERT),
  "a new connection through another process": () =>
    new DatabaseSync(`/proc/${process.env["HOSTILE_WRITER"]}/root${ledger}`).exec(INSERT),
  "a new database": () => new DatabaseSync(join(data, "evil.db")).exec("CREATE TABLE evil (x)"),
  "appending to the file": () => fs.appendFileSync(ledger, "evil"),
  "a new file": () => fs.writeFileSync(join(data, "evil"), "evil"),
  "removing the log": () => fs.unlinkSync(`${ledger}-wal`),
  "renaming the ledger": () => fs.renameSync(ledger, `${ledger}.evil`),
  "cutting the file": () => fs.truncateSync(ledger),
  "opening it to write": () => fs.openSync(ledger, "r+"),
  "another program": () => execFileSync("/bin/sh", ["-c", `echo evil >> ${ledger}`]),
  "mounting it anew": () => execFileSync("mount", ["-o", "remount,bind,rw", data]),
  "a thread": () => new Worker(`require("fs").appendFileSync("${ledger}", "evil")`, { eval: true }),
  "native code": () => {
    const Sqlite = createRequire(import.meta.url)("better-sqlite3") as new (file: string) => {
      exec(sql: string): void;
    };
    new Sqlite(ledger).exec(INSERT);
  },
};

const BY_HANDLE = [
  INSERT,
  "PRAGMA query_only = OFF; DELETE FROM event",
  "PRAGMA query_only = OFF; UPDATE mark SET size = 0",
  "PRAGMA user_version = 7",
  "PRAGMA wal_checkpoint(TRUNCATE)",
  `ATTACH '${join(data, "evil.db")}' AS evil; CREATE TABLE evil.evil (x)`,
  `VACUUM INTO '${join(data, "evil.db")}'`,
];

/** Undefined if it went through. */
function refusal(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** Descriptors of files in the directory that can be written through. */
function writable(): number[] {
  const found: number[] = [];
  for (const name of fs.readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    try {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
      if (path.startsWith(data) && refusal(() => fs.writeSync(fd, "")) === undefined)
        found.push(fd);
    } catch {
      // The descriptor of the listing itself is gone.
    }
  }
  return found;
}

if (process.permission !== undefined)
  process.on("SIGUSR2", () => {
    const result: { [way: string]: string | undefined } = {};
    for (const [way, attempt] of Object.entries(TRIES)) result[way] = refusal(attempt) ?? "WRITTEN";
    let n = 0;
    for (const handle of handles)
      for (const sql of BY_HANDLE)
        result[`handle ${n++}: ${sql}`] = refusal(() => handle.exec(sql)) ?? "DONE";
    process.stdout.write(
      `tried ${JSON.stringify({ result, handles: handles.size, writable: writable() })}\n`,
    );
  });
