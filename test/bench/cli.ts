import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN, ROOT } from "../support/repository.ts";
import { median } from "./support.ts";

// Cold commands as processes, interleaved with their floors: a process that runs the same scripts in a
// bare better-sqlite3 loop (WAL, synchronous=FULL, a row for each), `node -e 0`, and a process that reads
// and hashes the same files. Ratios of wall time, medians over rounds.
// npm run build && node dist/test/bench/cli.js [rounds]

const ROUNDS = Number(process.argv[2] ?? 9);
const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const file = (name: string): string => join(directory, name);
const cache = { PATH: process.env["PATH"] ?? "", HOME: directory };

const LOOP = `
import Database from ${JSON.stringify(join(ROOT, "node_modules/better-sqlite3/lib/index.js"))};
import { readFileSync, readdirSync } from "node:fs";
const [database, folder] = process.argv.slice(2);
const db = new Database(database);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.exec("CREATE TABLE IF NOT EXISTS done (name TEXT PRIMARY KEY)");
const done = new Set(db.prepare("SELECT name FROM done").pluck().all());
const mark = db.prepare("INSERT INTO done VALUES (?)");
for (const name of readdirSync(folder).sort()) {
  if (done.has(name)) continue;
  const sql = readFileSync(folder + "/" + name, "utf8");
  db.transaction(() => { db.exec(sql); mark.run(name); })();
}
db.close();`;

const READ = `
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
const folder = process.argv[2];
const names = readdirSync(folder).sort();
for (const name of names) createHash("sha256").update(readFileSync(folder + "/" + name)).digest("hex");`;

writeFileSync(file("loop.mjs"), LOOP);
writeFileSync(file("read.mjs"), READ);

function timed(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: directory, env: cache });
  if (status !== 0) throw new Error(`${args.join(" ")}: ${String(stderr)}`);
  return performance.now() - start;
}

function folder(steps: number): string {
  const path = file(`m${steps}`);
  mkdirSync(path, { recursive: true });
  for (let step = 1; step <= steps; step++)
    writeFileSync(
      join(path, `${String(step).padStart(5, "0")}_step.sql`),
      `CREATE TABLE t${step} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);`,
    );
  return path;
}

function compare(title: string, floor: () => number, ours: () => number): void {
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const ratio = [floor(), ours()];
    // The first round fills caches.
    if (round > 0) ratios.push(ratio[1]! / ratio[0]!);
  }
  console.log(`${title.padEnd(44)} ${median(ratios).toFixed(2)} x`);
}

const fresh = (run: () => number): number => {
  for (const name of ["loop.db", "loop.db-wal", "loop.db-shm", "app.db", "data"])
    rmSync(file(name), { recursive: true, force: true });
  return run();
};
const loop = (path: string) => (): number => timed([file("loop.mjs"), file("loop.db"), path]);
const migrate = (path: string) => (): number =>
  timed([MAIN, "migrate", file("app.db"), path, "--data", file("data"), "--json"]);

for (const steps of [1, 20, 100, 300]) {
  const path = folder(steps);
  compare(
    `migrate, ${steps} steps`,
    () => fresh(loop(path)),
    () => fresh(migrate(path)),
  );
}
fresh(() => loop(folder(100))() + migrate(folder(100))());
compare("migrate, 100 steps, nothing to do", loop(folder(100)), migrate(folder(100)));
compare(
  "--help",
  () => timed(["-e", "0"]),
  () => timed([MAIN, "--help"]),
);
compare(
  "migrate --help",
  () => timed(["-e", "0"]),
  () => timed([MAIN, "migrate", "--help"]),
);
const many = folder(10_000);
compare(
  "migrate --dry-run, 10,000 files",
  () => timed([file("read.mjs"), many]),
  () => timed([MAIN, "migrate", file("x.db"), many, "--data", file("none"), "--dry-run", "--json"]),
);
rmSync(directory, { recursive: true, force: true });
