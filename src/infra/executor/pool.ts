import { Unavailable } from "../../domain/shared/errors.ts";
import type { ChildState, ExecutorChild } from "./executor-child.ts";

/**
 * Starting a child takes a processor for a quarter of a second, which the session that took the last one
 * would feel. So it is done when none waits any more, when nothing works, or when that lasts.
 */
const NONE_WAITS_MS = 100;
const REST_MS = 20;
const PATIENCE_MS = 1_000;
/** Children that die before they can serve are started again ever later, up to this. */
const BROKEN_MS = 60_000;
/** So many in a row are no accident. */
const BROKEN = 3;

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
  /** How many did not end as they were asked to, by problem code. */
  readonly deaths = new Map<string, number>();
  /** Children in a row that died before they could serve. */
  #failedStarts = 0;
  #refill: NodeJS.Timeout | undefined;
  #refillDue = Infinity;
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
    this.#refillIn(this.#waiting.size === 0 ? NONE_WAITS_MS : PATIENCE_MS);
    await child.untilReady();
    this.#failedStarts = 0;
    return child;
  }

  /** Has a child that is as good as new wait again, or ends it. */
  async takeBack(child: ExecutorChild, reason: Unavailable): Promise<void> {
    if (this.#isWanted && (await child.release()) && this.#isWanted) this.#waiting.add(child);
    else await child.close(reason);
  }

  get #isWanted(): boolean {
    return !this.#closed && this.#waiting.size < this.#spare;
  }

  /** Starts the spare children and waits until they can serve. */
  async warm(): Promise<void> {
    this.#refuseIfClosed();
    this.#fill();
    await Promise.all([...this.#waiting].map((child) => child.untilReady()));
    this.#failedStarts = 0;
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

  /** No child comes up: whatever is to run will fail. */
  get isBroken(): boolean {
    return this.#failedStarts >= BROKEN;
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
      const { death, cameUp } = child;
      if (cameUp) this.#failedStarts = 0;
      else if (death !== undefined) this.#failedStarts += 1;
      if (!this.#closed && death !== undefined)
        this.deaths.set(death, (this.deaths.get(death) ?? 0) + 1);
      // One that a session had, or that died while it waited.
      if (!this.#closed && this.#isResting)
        this.#refillIn(Math.min(BROKEN_MS, REST_MS * 4 ** this.#failedStarts));
    });
    return child;
  }

  get #isResting(): boolean {
    return this.#all.size === this.#waiting.size;
  }

  #refillIn(ms: number): void {
    const due = performance.now() + ms;
    if (!this.#refills || this.#refillDue <= due) return;
    clearTimeout(this.#refill);
    this.#refillDue = due;
    this.#refill = setTimeout(() => {
      this.#refillDue = Infinity;
      try {
        this.#fill();
      } catch {
        // Nobody waits for a spare: the next session that finds none starts one, and tells.
      }
    }, ms).unref();
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
