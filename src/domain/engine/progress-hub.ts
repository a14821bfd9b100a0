import type { Progress } from "./database-engine.ts";

type Listener = (progress: Progress) => void;

/** Passes progress of operations (by run, backup, restore or check id) to whoever watches. Not recorded. */
export class ProgressHub {
  readonly #listeners = new Map<string, Set<Listener>>();

  publish(operationId: string, progress: Progress): void {
    for (const listener of this.#listeners.get(operationId) ?? []) listener(progress);
  }

  /** Returns the function that ends the subscription. */
  subscribe(operationId: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(operationId) ?? new Set();
    this.#listeners.set(operationId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(operationId);
    };
  }
}
