import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { MAIN, ROOT } from "./repository.ts";

/** How a process ended, and all it said. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface ProcessOptions {
  readonly cwd?: string;
  /** Added to an environment that has little more than PATH. */
  readonly env?: { readonly [name: string]: string };
}

/** Not the home directory's: a test leaves nothing there. */
const CACHE = join(ROOT, "dist/.compile-cache");

const started = new Set<ChildProcess>();

/** Ends what a test of the suite left running because it failed. */
export function endProcessesAfterEach(): void {
  afterEach(() => {
    for (const child of started) child.kill("SIGKILL");
    started.clear();
  });
}

/** Starts a program with an environment of its own. */
export function start(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Running {
  const env = { PATH: process.env["PATH"] ?? "", NODE_COMPILE_CACHE: CACHE, ...options.env };
  const child = spawn(command, args, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  started.add(child);
  child.once("exit", () => started.delete(child));
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (said[name] += text));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...said }));
  return { child, ended };
}

/** Starts the built program. */
export const schemaledger = (args: readonly string[], options?: ProcessOptions): Running =>
  start(process.execPath, [MAIN, ...args], options);

/** The first group of the first line of stdout that matches; rejects if the process ends before. */
export async function saying({ child, ended }: Running, pattern: RegExp): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = pattern.exec(line);
    if (found !== null) return found[1] ?? found[0];
  }
  const { code, stderr } = await ended;
  throw new Error(`It ended with ${code} and never said ${pattern}: ${stderr}`);
}

export interface ServiceUnderTest {
  readonly url: string;
  readonly token: string;
  readonly running: Running;
  /** SIGTERM, then its end. */
  stop(): Promise<Ended>;
}

/** A service on `data`, for databases below `root`, on a free port. */
export async function startService(data: string, root: string): Promise<ServiceUnderTest> {
  const args = ["serve", "--data", data, "--root", root, "--port", "0"];
  const running = schemaledger(args, { cwd: root });
  const url = await saying(running, /^listening on (\S+)$/);
  return {
    url,
    token: readFileSync(join(data, "keys/admin.key"), "utf8").trim(),
    running,
    stop: () => {
      running.child.kill("SIGTERM");
      return running.ended;
    },
  };
}
