import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundled, freshBundle } from "../../../src/infra/system/bundle.ts";
import { PACKAGE_ROOT } from "../../../src/infra/system/package-root.ts";
import { Api } from "./api.ts";
import type { CrashOrder } from "./crash-service.ts";

const COMPILED = new URL("dist/test/tsconfig.tsbuildinfo", PACKAGE_ROOT);
const BUNDLE = bundled("program.cjs") && freshBundle("crash-service.js", [COMPILED]);
const ENTRY = BUNDLE ?? fileURLToPath(new URL("./crash-service.js", import.meta.url));

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A service in a process of its own, to be killed. */
export class ServiceChild {
  readonly process: ChildProcess;
  /** How it ended, once its pipes are closed too. */
  readonly ended: Promise<ChildEnd>;
  readonly #order: CrashOrder;
  #api: Api | undefined;
  #stderr = "";

  private constructor(child: ChildProcess, order: CrashOrder) {
    this.process = child;
    this.#order = order;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    this.ended = once(child, "exit").then(([code, signal]) => ({ code, signal }) as ChildEnd);
  }

  /** Resolves when it listens or has ended, whichever comes first. */
  static async start(order: CrashOrder, prefix: readonly string[] = []): Promise<ServiceChild> {
    const [command, ...args] = [...prefix, process.execPath, ENTRY, JSON.stringify(order)];
    const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
    const service = new ServiceChild(child, order);
    await Promise.race([service.#listening(), service.ended]);
    return service;
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** What it wrote to stderr last. */
  get stderr(): string {
    return this.#stderr;
  }

  get api(): Api {
    if (this.#api === undefined) throw new Error(`The service does not listen: ${this.#stderr}`);
    return this.#api;
  }

  get listens(): boolean {
    return this.#api !== undefined;
  }

  /** The executor processes it has now. */
  executors(): number[] {
    return childrenOf(this.pid);
  }

  /** Waits until one of its executors stands still by SIGSTOP. */
  async stoppedExecutor(): Promise<number> {
    for (let tries = 0; tries < 2000; tries++) {
      const stopped = this.executors().find((pid) => stateOf(pid) === "T");
      if (stopped !== undefined) return stopped;
      await delay(5);
    }
    throw new Error(`No executor has stopped: ${this.#stderr}`);
  }

  /** SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** SIGTERM, and waits for its end. */
  async stop(): Promise<ChildEnd> {
    this.process.kill("SIGTERM");
    return this.ended;
  }

  async #listening(): Promise<void> {
    for await (const line of createInterface({ input: this.process.stdout! })) {
      const url = /^listening on (\S+)$/.exec(line)?.[1];
      if (url === undefined) continue;
      const token = await readFile(join(this.#order.data, "keys", "admin.key"), "utf8");
      this.#api = new Api(url, token.trim());
      return;
    }
    await this.ended;
  }
}

/** The kernel's letter for a process's state; undefined when there is none. */
export function stateOf(pid: number): string | undefined {
  try {
    return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    const found = /\) \w (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

/** Waits until the process has gone. */
export async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    const state = stateOf(pid);
    if (state === undefined || state === "Z") return;
    await delay(5);
  }
  throw new Error(`Process ${pid} does not end`);
}
