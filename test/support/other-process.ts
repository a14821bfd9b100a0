import { spawnSync } from "node:child_process";

const PROBE = `
  const Database = require("better-sqlite3");
  const db = new Database(process.argv[1], { timeout: 0, fileMustExist: true });
  try { db.exec("BEGIN IMMEDIATE; ROLLBACK"); console.log("free"); }
  catch (error) { console.log(error.code); }`;

/** Whether another process finds the database free to write: "free", or SQLite's code. */
export function foundByOthers(path: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", PROBE, path], { encoding: "utf8" });
  return stdout.trim() || stderr;
}
