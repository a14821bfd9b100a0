import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Unavailable } from "../../domain/shared/errors.ts";
import { bundled } from "../system/bundle.ts";
import type { ToChild, ToParent } from "./protocol.ts";

const MODULES = fileURLToPath(new URL("./executor-main.js", import.meta.url));
/** One file is read in half the time of many, and each session needs a process. */
const MAIN = bundled("executor-main.cjs") ?? MODULES;
const STDERR_LIMIT = 4096;
/** How long a child may take to exit after it was asked to. */
const CLOSE_LIMIT_MS = 2000;
/** A killed process ends within milliseconds, unless its disk hangs: then nobody waits for it. */
const KILL_LIMIT_MS = 1000;

export interface ChildOptions {
  /** The child's whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly engineModule: string | undefined;
  readonly startTimeoutMs: number;
  /** The kernel does not end the child with this process. */
  readonly mayOutlive: boolean;
}

export type ChildState = "starting" | "idle" | "working" | "ending";

export interface ChildListener {
  message(message: ToParent): void;
  /** Called once: the process has gone, or nobody can wait for it any longer. */
  ended(reason: Unavailable): void;
}

/** One executor process, from its start to its end. Serves one session at a time. */
export class ExecutorChild {
  /** Resolves once the process has gone. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #started = deferred();
  readonly #gone = deferred();
  #isReady = false;
  #cameUp = false;
  #isClaimed = false;
  #isGone = false;
  #isAsked = false;
  #reason: Unavailable | undefined;
  #listener: ChildListener | undefined;
  #freed: (isFree: boolean) => void = () => {};
  #limit: NodeJS.Timeout | undefined;
  #stderr = "";

  /** Throws `executor-died` if no process can be started. */
  constructor(options: ChildOptions) {
    this.ended = this.#gone.promise;
    // A waiting child that dies is nobody's failure: the next session starts another.
    this.#started.promise.catch(() => undefined);
    this.#process = start(options);
    this.#limit = setTimeout(
      () => this.#startTooSlow(options.startTimeoutMs),
      options.startTimeoutMs,
    );
    this.#limit.unref();
    this.#listen();
    this.#hold(false);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The problem code of its end, unless it lives or was asked to end. */
  get death(): string | undefined {
    return this.#isGone && !this.#isAsked ? this.#reason?.code : undefined;
  }

  /** Whether it could serve at any time. */
  get cameUp(): boolean {
    return this.#cameUp;
  }

  get state(): ChildState {
    if (this.#reason !== undefined || this.#isGone) {
      return "ending";
    }
    if (!this.#isReady) {
      return "starting";
    }
    return this.#isClaimed ? "working" : "idle";
  }

  /** Rejects with `executor-died` or `executor-timeout` if the child does not come up. */
  async untilReady(): Promise<void> {
    this.#hold(true);
    try {
      await this.#started.promise;
    } finally {
      this.#hold(this.#isClaimed);
    }
  }

  /** Takes the child for a session. Until then it does not keep this process alive. */
  claim(): void {
    this.#isClaimed = true;
    this.#hold(true);
  }

  /** Hears the child from now on; of a child that ended already at once. */
  listen(listener: ChildListener): void {
    this.#listener = listener;
    if (this.#isGone) {
      listener.ended(this.#reason ?? this.#died());
    }
  }

  /** Throws if the message cannot be written as JSON. A broken channel ends the child. */
  send(message: ToChild): void {
    this.#process.send(message, (error) => {
      if (error !== null) {
        this.kill(unreachable(error));
      }
    });
  }

  /** SIGKILL. The first reason given to end a child is the one that is told. */
  kill(reason: Unavailable): void {
    if (this.#isGone) {
      return;
    }
    this.#reason ??= reason;
    this.#process.kill("SIGKILL");
    this.#setLimit(KILL_LIMIT_MS, () => this.#settle());
  }

  /** Ends the session and waits until the child can serve another. False: it cannot. */
  async release(): Promise<boolean> {
    if (this.#isGone || this.#reason !== undefined) return false;
    this.#listener = undefined;
    this.#isReady = false;
    const freed = new Promise<boolean>((resolve) => (this.#freed = resolve));
    this.#setLimit(CLOSE_LIMIT_MS, () => this.kill(this.#died()));
    this.send({ kind: "release" });
    if (!(await freed)) return false;
    this.#isClaimed = false;
    this.#hold(false);
    return true;
  }

  /** Asks the child to exit and waits for it; kills it if it does not. */
  async close(reason: Unavailable): Promise<void> {
    if (!this.#isGone && this.#reason === undefined) {
      this.#reason = reason;
      this.#isAsked = true;
      this.#setLimit(CLOSE_LIMIT_MS, () => this.kill(reason));
      this.send({ kind: "close" });
    }
    await this.ended;
  }

  #listen(): void {
    const child = this.#process;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LIMIT);
    });
    child.on("message", (message) => this.#hear(message as ToParent));
    child.on("disconnect", () => this.#disconnected());
    child.on("error", (error) => this.#failed(error));
    // `close` follows the last message and the last line of stderr; `exit` may overtake them.
    child.on("close", () => this.#settle());
    child.on("exit", () => this.#setLimit(KILL_LIMIT_MS, () => this.#settle()));
  }

  #hear(message: ToParent): void {
    if (this.#reason !== undefined) {
      return;
    }
    if (message.kind === "ready") {
      this.#isReady = true;
      this.#cameUp = true;
      clearTimeout(this.#limit);
      this.#started.resolve();
      this.#freed(true);
    } else {
      this.#listener?.message(message);
    }
  }

  /** A child that lives on without its channel is of no use, and nobody could end it later. */
  #disconnected(): void {
    this.#setLimit(KILL_LIMIT_MS, () => this.kill(this.#died()));
  }

  #failed(error: Error): void {
    if (this.pid === undefined) {
      this.#reason ??= unreachable(error);
      this.#settle();
    } else {
      this.kill(unreachable(error));
    }
  }

  #startTooSlow(ms: number): void {
    this.kill(
      new Unavailable("executor-timeout", `An executor process did not start within ${ms} ms`, {
        hint: "See whether the machine is service-overloaded",
        details: { stderr: this.#stderr },
      }),
    );
  }

  #settle(): void {
    if (this.#isGone) {
      return;
    }
    this.#isGone = true;
    clearTimeout(this.#limit);
    const reason = (this.#reason ??= this.#died());
    this.#started.reject(reason);
    this.#gone.resolve();
    this.#freed(false);
    this.#listener?.ended(reason);
  }

  /** The tail of stderr goes into the details only: messages are recorded, and it may quote data. */
  #died(): Unavailable {
    const { exitCode, signalCode } = this.#process;
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    return new Unavailable("executor-died", `The executor process died (${how})`, {
      hint: "What it did is unknown until recovery has read the database's markers",
      details: { exitCode, signal: signalCode, stderr: this.#stderr },
    });
  }

  #setLimit(ms: number, act: () => void): void {
    clearTimeout(this.#limit);
    this.#limit = setTimeout(act, ms);
  }

  /** Whether the child keeps this process alive. */
  #hold(on: boolean): void {
    const how = on ? "ref" : "unref";
    this.#process[how]();
    this.#process.channel?.[how]();
    (this.#process.stderr as Socket | null)?.[how]();
  }
}

/**
 * Linux' `setpriv` (util-linux) has the kernel kill the child when this process dies, and becomes
 * Node in the same process. Without it a child notices by itself, but not before the statement ends
 * that it is in: one that never ends would hold the database's lock for ever.
 */
const SETPRIV = "/usr/bin/setpriv";

function start(options: ChildOptions): ChildProcess {
  const dies = !options.mayOutlive && existsSync(SETPRIV) ? SETPRIV : undefined;
  try {
    const { engineModule } = options;
    // An engine from elsewhere shares its classes with the modules, not with the bundle.
    const [main, args] = engineModule === undefined ? [MAIN, []] : [MODULES, [engineModule]];
    return fork(main, args, {
      // A relative path in a script must not mean a file of the service.
      cwd: "/",
      env: options.env,
      // The service's own flags (inspector, env files) are not the child's.
      ...(dies === undefined
        ? { execArgv: [] }
        : { execPath: dies, execArgv: ["--pdeathsig", "KILL", "--", process.execPath] }),
      serialization: "json",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
  } catch (error) {
    throw unreachable(error as Error);
  }
}

function unreachable(error: Error): Unavailable {
  return new Unavailable("executor-died", "The executor process cannot be started or reached", {
    hint: "See whether the machine is out of processes, memory or file descriptors",
    details: { cause: error.message },
  });
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred {
  let settle!: Pick<Deferred, "resolve" | "reject">;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
