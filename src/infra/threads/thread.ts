import { Worker, parentPort, type Transferable } from "node:worker_threads";
import { DomainError } from "../../domain/shared/errors.ts";
import { fromWire, toWire, type WireError } from "../executor/wire-error.ts";

type Answer =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: WireError };
type Told<E> = { readonly kind: "event"; readonly event: E };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A thread that carries out requests one after another, in the order in which they were made, and
 * may tell events meanwhile. When it dies, everything that waits for it is rejected.
 */
export class Thread<R, E> {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  constructor(module: URL, data: unknown, onEvent: (event: E) => void) {
    this.#worker = new Worker(module, {
      workerData: data,
      // What a thread makes is short-lived: a small nursery keeps it from piling up.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on("message", (message: Answer | Told<E>) => {
      if (message.kind === "event") onEvent(message.event);
      else this.#settle(message);
    });
    this.#worker.on("error", (error) => this.#fail(error as Error));
    this.#worker.on("exit", () =>
      this.#fail(new DomainError("io-error", "A thread ended before its work")),
    );
  }

  ask<T>(request: R, transfer: readonly Transferable[] = []): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (answer.kind === "done") waiting?.resolve(answer.value);
    else waiting?.reject(fromWire(answer.error));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** The thread's side: answers each request when those before it are answered. */
export function serve<R>(
  handle: (request: R) => Promise<{ readonly value?: unknown; readonly transfer?: Transferable[] }>,
): void {
  const port = parentPort!;
  let before: Promise<void> = Promise.resolve();
  port.on("message", (request: R) => {
    before = before.then(async () => {
      try {
        const { value, transfer = [] } = await handle(request);
        port.postMessage({ kind: "done", value }, transfer);
      } catch (error) {
        port.postMessage({ kind: "failed", error: toWire(error) });
      }
    });
  });
}

/** From within a thread: tells whoever started it. */
export function tell(event: unknown, transfer: readonly Transferable[] = []): void {
  parentPort!.postMessage({ kind: "event", event }, transfer);
}
