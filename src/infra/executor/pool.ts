import { Unavailable } from "../../domain/shared/errors.ts";
import type { ChildState, ExecutorChild } from "./executor-child.ts";

/** A moment in which the session that took a child gets going before its replacement starts. */
const REFILL_DELAY_MS = 5;

export interface ChildInfo {
  readonly pid: number;
  readonly state: ChildState;
}

/** Children that are loaded and wait, so that a session does not wait for a process to start. */
export class ExecutorPool {
  readonly #start: () => ExecutorChild;
  readonly #spare: number;
  readonly #refills: boolean;
  readonly #waiting = new Set<ExecutorChild>();
  readonly #all = new Set<ExecutorChild>();
  #refill: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(start: () => ExecutorChild, spare: number, refills: boolean) {
    this.#start = start;
    this.#spare = spare;
    this.#refills = refills;
  }

  /** A child for one session. Rejects with `executor-closed`, or with why none came up. */
  async take(): Promise<ExecutorChild> {
    this.#refuseIfClosed();
    const child = this.#pick() ?? this.#add();
    this.#waiting.delete(child);
    child.claim();
    this.#refillSoon();
    await child.untilReady();
    return child;
  }

  /** Starts the spare children and waits until they can serve. */
  async warm(): Promise<void> {
    this.#refuseIfClosed();
    this.#fill();
    await Promise.all([...this.#waiting].map((child) => child.untilReady()));
  }

  /** Kills the children that wait (they hold nothing) and returns when they have gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refill);
    const waiting = [...this.#waiting];
    for (const child of waiting) {
      child.kill(closedError());
    }
    await Promise.all(waiting.map((child) => child.ended));
  }

  killAll(reason: Unavailable): void {
    for (const child of this.#all) child.kill(reason);
  }

  children(): readonly ChildInfo[] {
    return [...this.#all].flatMap(({ pid, state }) => (pid === undefined ? [] : [{ pid, state }]));
  }

  /** One that is ready, else one that will be sooner than a new one. */
  #pick(): ExecutorChild | undefined {
    const usable = [...this.#waiting].filter((child) => child.state !== "ending");
    return usable.find((child) => child.state === "idle") ?? usable[0];
  }

  #add(): ExecutorChild {
    const child = this.#start();
    this.#all.add(child);
    void child.ended.then(() => {
      this.#all.delete(child);
      this.#waiting.delete(child);
    });
    return child;
  }

  #refillSoon(): void {
    if (!this.#refills) return;
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      try {
        this.#fill();
      } catch {
        // Nobody waits for a spare: the next session that finds none starts one, and tells.
      }
    }, REFILL_DELAY_MS).unref();
  }

  #fill(): void {
    while (!this.#closed && this.#waiting.size < this.#spare) {
      this.#waiting.add(this.#add());
    }
  }

  #refuseIfClosed(): void {
    if (this.#closed) {
      throw closedError();
    }
  }
}

function closedError(): Unavailable {
  return new Unavailable("executor-closed", "The executor is closed", {
    hint: "The service is stopping; try again when it runs",
  });
}
