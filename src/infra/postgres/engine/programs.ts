import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Unavailable } from "../../../domain/shared/errors.ts";
import type { Address } from "../connection/address.ts";
import { redactMessage } from "../sql/redact.ts";

/** Directories with a version's programs, `*` standing for the major version. */
const PLACES = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/opt/homebrew/opt/postgresql@*/bin",
];

const NEWEST = 30;
/** Of what a program says, the end is kept. */
const SAID = 4096;

/** The server's client programs: those that are as new as the server, or newer. */
export interface Programs {
  readonly dump: string;
  readonly restore: string;
}

/** Throws `backup-programs-missing`. */
export async function programsFor(serverVersion: number): Promise<Programs> {
  const major = Math.floor(serverVersion / 10_000);
  for (let version = major; version <= NEWEST; version += 1)
    for (const place of PLACES) {
      const found = inDirectory(place.replace("*", String(version)));
      if (found !== undefined) return found;
    }
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const found = directory === "" ? undefined : inDirectory(directory);
    if (found !== undefined && (await versionOf(found.dump)) >= major) return found;
  }
  throw new Unavailable(
    "backup-programs-missing",
    `Backups need pg_dump and pg_restore of version ${major} or newer, and this machine has none`,
    {
      hint: `Install them (Debian: postgresql-client-${major}), or let the policy say backup: "none" if the server is backed up otherwise`,
    },
  );
}

function inDirectory(directory: string): Programs | undefined {
  const [dump, restore] = [join(directory, "pg_dump"), join(directory, "pg_restore")];
  return existsSync(dump) && existsSync(restore) ? { dump, restore } : undefined;
}

async function versionOf(program: string): Promise<number> {
  try {
    const said = await run(program, ["--version"], {}).ended;
    return Number(/\s(\d+)/.exec(said)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** A program at work. */
export interface Running {
  /** Resolves with what it printed. Rejects with `backup-program-failed`. */
  readonly ended: Promise<string>;
  readonly kill: () => void;
}

/** Starts a program that dies with this process. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const dies = existsSync(SETPRIV);
  const child = spawn(
    dies ? SETPRIV : program,
    dies ? ["--pdeathsig", "KILL", "--", program, ...args] : [...args],
    { env: { ...env, LC_ALL: "C" }, cwd: "/", stdio: ["ignore", "pipe", "pipe"] },
  );
  let printed = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed = (printed + text).slice(-SAID);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-SAID);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", (error) => reject(failed(program, error.message)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(printed);
      else reject(failed(program, said.trim() === "" ? (signal ?? `exit code ${code}`) : said));
    });
  });
  return { ended, kill: () => void child.kill("SIGKILL") };
}

const SETPRIV = "/usr/bin/setpriv";

const failed = (program: string, said: string): Unavailable => {
  const name = program.slice(program.lastIndexOf("/") + 1);
  const text = redactMessage(said.trim().split("\n").slice(-6).join("; "), false);
  return new Unavailable("backup-program-failed", `${name} failed: ${text}`, {
    hint: "The server's log says more; the user must be able to read every table",
  });
};

/** How the programs reach a database. The password is in no argument: those are there for all to see. */
export function reaching(
  { host, port, user, parameters }: Address,
  database: string,
  password: string | undefined,
): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const { sslmode, sslrootcert, sslcert, sslkey } = parameters;
  const given = {
    PGSSLMODE: sslmode,
    PGSSLROOTCERT: sslrootcert,
    PGSSLCERT: sslcert,
    PGSSLKEY: sslkey,
  };
  const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const place = host.replace(/^\[(.*)\]$/, "$1");
  return {
    args: ["-h", place, "-p", String(port), "-U", user, "-d", database, "-w"],
    env: { ...env, ...(password === undefined ? {} : { PGPASSWORD: password }) },
  };
}

/** The files of a dump. */
export const filesOf = (directory: string): string[] => readdirSync(directory).toSorted();
