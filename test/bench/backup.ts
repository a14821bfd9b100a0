import Sqlite from "better-sqlite3";
import { spawn, spawnSync } from "node:child_process";
import { hash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreAccess } from "../../src/domain/backup/backup-store.ts";
import type { StoredCopy } from "../../src/domain/engine/database-engine.ts";
import { DirectoryPlace } from "../../src/infra/page-store/backup-place.ts";
import { PageBackupStore } from "../../src/infra/page-store/page-backup-store.ts";
import { requireManifest, restoreFiles } from "../../src/infra/page-store/store-access.ts";
import { withDatabase } from "../../src/infra/sqlite/connections.ts";
import { copyOnline } from "../../src/infra/sqlite/online-copy.ts";
import { SqliteEngine } from "../../src/infra/sqlite/sqlite-engine.ts";
import { deadlineIn } from "../../src/infra/sqlite/waiting.ts";
import { manifestOf } from "../support/backups.ts";
import { generate } from "./generate.ts";
import { median, timed } from "./support.ts";

// Backups against fs.copyFile + fsync of the same file, measured in each round; and against restic
// and borg, if they are installed. Speeds are shares of the copy's: more is better.
// node dist/test/bench/backup.js [MiB] [rounds]

const MIB = Number(process.argv[2] ?? 512);
const ROUNDS = Number(process.argv[3] ?? 3);
const PAGE = 4096;

const directory = mkdtempSync(join(tmpdir(), "schemaledger-bench-"));
const path = join(directory, "app.db");
const origin = "ledger.example/bench";
const databaseId = randomUUID();
let incarnation: string = randomUUID();
let token = 1;

function fsync(file: string): void {
  const fd = openSync(file, "r");
  fsyncSync(fd);
  closeSync(fd);
}

/** Another process that commits all the time. */
async function withWriter<T>(work: () => Promise<T>): Promise<T> {
  const writer = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import Database from "better-sqlite3";
       const db = new Database(${JSON.stringify(path)}, { timeout: 5000 });
       const change = db.prepare("UPDATE item SET a = a || ? WHERE id = ?");
       process.stdout.write("ready");
       const step = () => { for (let i = 0; i < 5; i++) change.run("", 1 + Math.floor(Math.random() * 1000)); setTimeout(step, 1); };
       step();`,
    ],
    { stdio: ["ignore", "pipe", "inherit"], cwd: process.cwd() },
  );
  await once(writer.stdout, "data");
  try {
    return await work();
  } finally {
    writer.kill("SIGKILL");
    await once(writer, "exit");
  }
}

const engineOf = (): SqliteEngine =>
  new SqliteEngine(
    { engine: "sqlite", url: path, databaseId, incarnation, origin },
    { onProgress: () => {}, onTablesSaved: () => Promise.resolve() },
  );

interface Taken {
  readonly ms: number;
  readonly stored: StoredCopy;
  readonly storedBytes: number;
  readonly method: string;
}

async function backUp(store: PageBackupStore, parent: string | null): Promise<Taken> {
  const id = randomUUID();
  const engine = engineOf();
  let access!: StoreAccess;
  let facts!: Awaited<ReturnType<SqliteEngine["snapshot"]>>;
  const ms = await timed(async () => {
    access = await store.begin(id, parent);
    facts = await engine.snapshot(access);
    await store.publish(id, manifestOf(id, facts.content));
  });
  engine.close();
  const { sha256, bytes, storedBytes } = facts.content;
  const { fingerprint, rows, method } = facts;
  return { ms, stored: { access, sha256, bytes, fingerprint, rows }, storedBytes, method };
}

async function restore(access: StoreAccess): Promise<number> {
  const to = join(directory, `restored-${randomUUID()}`);
  const ms = await timed(async () => {
    await restoreFiles(access, await requireManifest(access), [to], { isToKeep: true });
  });
  rmSync(to);
  return ms;
}

async function verify({ stored }: Taken): Promise<number> {
  const to = join(directory, `verified-${randomUUID()}`);
  const engine = engineOf();
  const ms = await timed(() => engine.verify(stored, to));
  engine.close();
  rmSync(to);
  return ms;
}

/** Puts a verified copy in the database's place, which gets the content's next life. */
async function putInPlace({ stored }: Taken, method: "online" | "offline"): Promise<number> {
  const scratchPath = join(directory, `verified-${randomUUID()}`);
  const engine = engineOf();
  await engine.verify({ ...stored, isToKeep: method === "offline" }, scratchPath);
  incarnation = randomUUID();
  token += 1;
  const content = { fingerprint: stored.fingerprint, rows: stored.rows };
  const request = { scratchPath, content, token, incarnation, lockTimeoutMs: 5_000, method };
  const ms = await timed(() => engine.restore(request));
  engine.close();
  rmSync(scratchPath, { force: true });
  return ms;
}

/** Where WAL is not used: the file is copied behind a lock. `ms` until the backup is there. */
async function backUpLocked(store: PageBackupStore): Promise<Taken> {
  journal("DELETE");
  try {
    return await backUp(store, null);
  } finally {
    journal("WAL");
  }
}

function journal(mode: string): void {
  const db = new Sqlite(path);
  db.pragma(`journal_mode = ${mode}`);
  db.close();
}

/** As its first part: how long writers wait meanwhile. */
function copyAside(): Promise<number> {
  const to = join(directory, "aside");
  return timed(() => copyFileSync(path, to)).finally(() => rmSync(to));
}

/** The fallback: a copy through SQLite's backup, durable. */
async function online(): Promise<number> {
  const to = join(directory, `online-${randomUUID()}`);
  const ms = await timed(async () => {
    await withDatabase(path, "managed", (source) =>
      copyOnline({ source, destination: to, deadline: deadlineIn(30_000), busyCode: "busy" }),
    );
    fsync(to);
  });
  rmSync(to);
  return ms;
}

/** One thread that reads the file and hashes its pages, and does nothing else. */
function hashLimit(): void {
  const fd = openSync(path, "r");
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer))
    for (let at = 0; at < read; at += PAGE)
      hash("sha256", buffer.subarray(at, at + PAGE), "binary");
  closeSync(fd);
}

/** Changes one page in a hundred, and says how many bytes of pages that were. */
function changePages(): number {
  const before = readFileSync(path);
  const db = new Sqlite(path);
  const last = db.prepare("SELECT max(id) FROM item").pluck().get() as number;
  const change = db.prepare("UPDATE item SET a = upper(a) WHERE id = ?");
  const pages = statSync(path).size / PAGE;
  db.transaction(() => {
    for (let at = 0; at < pages / 100; at += 1) change.run(1 + Math.floor(Math.random() * last));
  })();
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
  const after = readFileSync(path);
  let changed = 0;
  for (let at = 0; at < after.length; at += PAGE)
    if (before.compare(after, at, at + PAGE, at, at + PAGE) !== 0) changed += 1;
  return changed * PAGE;
}

function other(tool: string, init: string[], backup: string[]): number | undefined {
  const env = { ...process.env, RESTIC_PASSWORD: "x", HOME: directory };
  if (spawnSync(tool, init, { env }).status !== 0) return undefined;
  const began = performance.now();
  const { status, stderr } = spawnSync(tool, backup, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - began;
}

const measured = new Map<string, number[]>();
const note = (what: string, value: number): void => {
  measured.set(what, [...(measured.get(what) ?? []), value]);
};

const copy = (): Promise<number> =>
  timed(() => {
    const to = join(directory, "copy");
    copyFileSync(path, to);
    fsync(to);
    rmSync(to);
  });

try {
  generate(path, MIB);
  const engine = engineOf();
  await engine.install(1);
  engine.close();
  const { size } = statSync(path);
  console.log(`${(size / 2 ** 20).toFixed(0)} MiB, ${ROUNDS} rounds`);
  for (let round = 0; round < ROUNDS; round += 1) {
    const floor = Math.min(await copy(), await copy());
    note("copy ms", floor);
    const fresh = (name: string, key?: string): PageBackupStore => {
      const root = join(directory, name);
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
      return new PageBackupStore(
        new DirectoryPlace(root),
        key === undefined ? undefined : { current: key, all: [] },
      );
    };
    note("through SQLite", floor / (await online()));
    note("behind a lock: the copy", floor / (await copyAside()));
    note("behind a lock: full, compressed", floor / (await backUpLocked(fresh("locked"))).ms);
    const plain = await backUp(fresh("plain"), null);
    note("full, compressed", floor / plain.ms);
    const sealedStore = fresh("sealed", randomBytes(32).toString("hex"));
    const sealed = await withWriter(() => backUp(sealedStore, null));
    note(`full, compressed, encrypted, live writer (${sealed.method})`, floor / sealed.ms);
    note("stored share, full", sealed.storedBytes / size);
    const access = await sealedStore.access(sealed.stored.access.backupId);
    note("restore, decrypting, verified", floor / (await restore(access)));
    note("verification (with quick check and counts)", floor / (await verify(sealed)));
    note(
      "offline, into its place: times of the copy",
      (await putInPlace(sealed, "offline")) / floor,
    );
    note("online, into its place: times of the copy", (await putInPlace(sealed, "online")) / floor);
    note("hashing pages in one thread", floor / (await timed(hashLimit)));
    const hashing = await timed(hashLimit);
    const changed = changePages();
    const delta = await backUp(sealedStore, sealed.stored.access.backupId);
    note("1 % of pages changed: time, share of hashing's speed", hashing / delta.ms);
    note("1 % of pages changed: stored / changed bytes", delta.storedBytes / changed);
    const again = await backUp(sealedStore, delta.stored.access.backupId);
    note("nothing changed: share of hashing's speed", hashing / again.ms);
    const restic = join(directory, "restic");
    const resticMs = other(
      "restic",
      ["init", "-r", restic],
      ["backup", "-r", restic, "--compression", "auto", path],
    );
    if (resticMs !== undefined) note("times faster than restic, full", resticMs / sealed.ms);
    const borg = join(directory, "borg");
    const borgMs = other(
      "borg",
      ["init", "--encryption", "none", borg],
      ["create", "--compression", "zstd,3", `${borg}::a`, path],
    );
    if (borgMs !== undefined)
      note("times faster than borg (not encrypting), full", borgMs / sealed.ms);
    for (const name of [restic, borg]) rmSync(name, { recursive: true, force: true });
  }
  for (const [what, values] of measured)
    console.log(
      `${what.padEnd(58)} ${median(values).toFixed(2)}   (${values.map((value) => value.toFixed(2)).join(", ")})`,
    );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
