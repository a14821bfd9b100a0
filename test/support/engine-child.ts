import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { FaultHook } from "../../src/infra/executor/fault.ts";
import type { DatabaseEngine, DatabaseTarget } from "../../src/domain/engine/database-engine.ts";
import { loadEngines } from "../../src/infra/executor/engines.ts";

/** What the child is told to do: one method, stopped at a point of the protocol. */
interface Order {
  readonly target: DatabaseTarget;
  readonly method: keyof DatabaseEngine;
  readonly args: readonly unknown[];
  readonly stopAt: string;
}

/** What the operating system denies the child. */
interface Limits {
  /** No file may be larger. */
  readonly mostKiB?: number;
  readonly uid?: number;
}

function start(order: Order, { mostKiB, uid }: Limits): ChildProcess {
  const program = [process.execPath, import.meta.filename, JSON.stringify(order)] as const;
  const options = {
    stdio: ["pipe", "pipe", "inherit"] as ["pipe", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  };
  if (mostKiB === undefined) return spawn(program[0], program.slice(1), options);
  // The shell counts in blocks of 512 bytes.
  const script = `ulimit -f ${mostKiB * 2}; exec "$0" "$@"`;
  return spawn("/bin/sh", ["-c", script, ...program], options);
}

/**
 * Runs one operation in a process of its own that announces the point `stopAt` and then stands
 * still there until it is killed or continued.
 */
export class EngineChild {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterableIterator<string>;

  private constructor(process: ChildProcess) {
    this.process = process;
    this.#lines = lines(process);
  }

  /** Resolves when the child stands at the point. */
  static async stoppedAt(order: Order, limits: Limits = {}): Promise<EngineChild> {
    const child = new EngineChild(start(order, limits));
    const line = await child.#next();
    if (line !== "stopped") throw new Error(`The child ended early: ${line}`);
    return child;
  }

  /** Runs the operation to its end. */
  static async run(order: Order, limits: Limits): Promise<unknown> {
    const child = new EngineChild(start(order, limits));
    const line = await child.#next();
    if (line === "") throw new Error("The child ended without a result");
    return JSON.parse(line) as unknown;
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await once(this.process, "exit");
  }

  /** Lets it go on and returns the operation's result, or the error's code as a text. */
  async resume(): Promise<unknown> {
    this.process.stdin?.end("\n");
    const line = await this.#next();
    return JSON.parse(line) as unknown;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done === true ? "" : (value as string);
  }
}

async function* lines(child: ChildProcess): AsyncIterableIterator<string> {
  let rest = "";
  for await (const chunk of child.stdout ?? []) {
    rest += String(chunk);
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}

async function main(order: Order): Promise<void> {
  const { createEngine } = await loadEngines(undefined);
  const faults = async (point: string): Promise<void> => {
    if (point !== order.stopAt) return;
    process.stdout.write("stopped\n");
    await once(process.stdin, "data");
  };
  const engine = await createEngine(
    order.target,
    { onProgress: () => {}, onTablesSaved: () => Promise.resolve() },
    { faults: faults as FaultHook },
  );
  const call = engine[order.method] as (...args: readonly unknown[]) => Promise<unknown>;
  const result = await call.apply(engine, [...order.args]).catch((error: unknown) => {
    if (error instanceof Error && "code" in error) return error.code;
    throw error;
  });
  process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
  await engine.close?.();
  process.stdin.destroy();
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2]!) as Order);
