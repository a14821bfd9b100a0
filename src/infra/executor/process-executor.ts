import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import type { DatabaseTarget } from "../../domain/engine/database-engine.ts";
import type { Executor, ExecutorSession, SessionHost } from "../../domain/engine/executor.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { ChildExecutorSession } from "./child-executor-session.ts";
import { ExecutorChild } from "./executor-child.ts";
import { WARM_UP } from "./engines.ts";
import { FAULT_VARIABLE } from "./fault.ts";
import { type ChildInfo, ExecutorPool } from "./pool.ts";

const DEFAULT_SPARE = 2;
const DEFAULT_START_TIMEOUT_MS = 30_000;

/** Looks up what no event and no target holds. */
export type PasswordOf = (target: DatabaseTarget) => Promise<string | undefined>;

export interface ProcessExecutorOptions {
  /** Children that wait loaded; 0 starts one a session. Default 2. */
  readonly spare?: number;
  /**
   * Waiting children run steps on a database in memory, so that the code of the first session is
   * compiled. Default: no, for it costs each of them 0.15 s of a processor.
   */
  readonly warmUp?: boolean;
  /** Whether a spare child that was taken is replaced. Default: yes. */
  readonly refills?: boolean;
  /** Kills the child of a call that takes longer. Default: none, migrations may take hours. */
  readonly callTimeoutMs?: number;
  /** Default 30 s. */
  readonly startTimeoutMs?: number;
  /** Added to the children's environment, which otherwise has nothing of this process's but PATH. */
  readonly env?: { readonly [name: string]: string };
  /** For tests: children outlive this process, as where the kernel cannot end them with it. */
  readonly mayOutlive?: boolean;
  /** For tests: absolute path or URL of a module whose `createEngine` takes the engines' place. */
  readonly engineModule?: string;
  /**
   * For crash tests only: `<point>:<kill|stop|exit>[:<nth>]` makes each child strike itself when
   * its engine passes the point for the nth time. Nothing in the environment can turn this on.
   */
  readonly fault?: string;
}

/**
 * Runs each session in a Node process of its own, taken from a few that wait loaded. A process that
 * executed anything of others serves one session and exits; it dies with this process, whatever ends
 * this process.
 */
export class ProcessExecutor implements Executor {
  readonly #pool: ExecutorPool;
  readonly #callTimeoutMs: number | undefined;
  #passwordOf: PasswordOf = () => Promise.resolve(undefined);

  constructor(options: ProcessExecutorOptions = {}) {
    const childOptions = {
      env: environment(options),
      engineModule: options.engineModule,
      mayOutlive: options.mayOutlive ?? false,
      startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
    };
    this.#callTimeoutMs = options.callTimeoutMs;
    this.#pool = new ExecutorPool(
      () => new ExecutorChild(childOptions),
      options.spare ?? DEFAULT_SPARE,
      options.refills ?? true,
    );
  }

  /** From now on sessions are opened with the passwords that `passwordOf` knows. */
  usePasswords(passwordOf: PasswordOf): void {
    this.#passwordOf = passwordOf;
  }

  /** Starts the spare children now instead of at first use. */
  async warm(): Promise<void> {
    await this.#pool.warm();
  }

  /** Rejects with `executor-closed`, `executor-died`, `executor-timeout` or the engine's error. */
  async open(target: DatabaseTarget, host: SessionHost): Promise<ExecutorSession> {
    const password = await this.#passwordOf(target);
    const child = await this.#pool.take();
    const opening = { target, password };
    return ChildExecutorSession.open(child, opening, host, this.#callTimeoutMs, (used, reason) =>
      this.#pool.takeBack(used, reason),
    );
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** SIGKILL to every child; pending calls reject with `executor-killed`. Their journals roll back. */
  killAll(reason: string): void {
    this.#pool.killAll(
      new Unavailable("executor-killed", `The executor was killed: ${reason}`, {
        hint: "What it did is unknown until recovery has read the database's markers",
      }),
    );
  }

  /** The processes there are, for monitoring. */
  children(): readonly ChildInfo[] {
    return this.#pool.children();
  }

  isBroken(): boolean {
    return this.#pool.isBroken;
  }

  deaths(): ReadonlyMap<string, number> {
    return this.#pool.deaths;
  }
}

/** No secret of this process reaches a process that runs other people's SQL. */
function environment(options: ProcessExecutorOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...options.env,
    SCHEMALEDGER_EXECUTOR: options.warmUp === true ? WARM_UP : "1",
  };
  const path = process.env["PATH"];
  if (path !== undefined) {
    env["PATH"] = path;
  }
  const cache = getCompileCacheDir();
  if (cache !== undefined) {
    // Node makes a directory of its own for each version below it.
    env["NODE_COMPILE_CACHE"] = dirname(cache);
  }
  delete env[FAULT_VARIABLE];
  if (options.fault !== undefined) {
    env[FAULT_VARIABLE] = options.fault;
  }
  return env;
}
