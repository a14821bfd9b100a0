import type { ExecutorSession } from "../engine/executor.ts";
import { DomainError } from "../shared/errors.ts";

/** Why a run must not go on. */
export interface Stop {
  readonly kind: "cancel" | "shutdown";
  readonly reason: string;
}

/** What `RunService` and the driver of one run tell each other while it is under way. */
export class RunControl {
  /** Set while the run replaces content or undoes steps: ending then would help nobody. */
  uninterruptible = false;
  #session: ExecutorSession | undefined;
  /** Steps that were sent to the executor and have not ended. */
  #steps = 0;
  #phase: "waiting" | "held" | "begun" | "withdrawn" = "waiting";
  #stop: Stop | undefined;
  #held: Promise<void> | undefined;
  #released: () => void = () => {};

  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** The driver takes the run up. False: it was withdrawn before its turn came. */
  begin(): boolean {
    if (this.#phase === "waiting") this.#phase = "begun";
    return this.#phase === "begun";
  }

  /** Gives the run up before its turn. False: it has begun, so only its driver can end it. */
  withdraw(): boolean {
    if (this.#phase === "waiting") this.#phase = "withdrawn";
    return this.#phase === "withdrawn";
  }

  /** Keeps the run from beginning until `release`. False: it has begun, or is held already. */
  hold(): boolean {
    if (this.#phase !== "waiting") return false;
    this.#phase = "held";
    this.#held = new Promise((resolve) => {
      this.#released = resolve;
    });
    return true;
  }

  /** Resolves when the run is released; undefined if nobody holds it. */
  get held(): Promise<void> | undefined {
    return this.#phase === "held" ? this.#held : undefined;
  }

  /** The run may begin again; if its turn came meanwhile it must be queued anew. */
  release(): void {
    if (this.#phase === "held") this.#phase = "waiting";
    this.#released();
  }

  /** The driver leaves the run as it found it. False: it was stopped meanwhile, and must end. */
  giveBack(): boolean {
    if (this.#stop !== undefined) return false;
    this.#phase = "waiting";
    return true;
  }

  attach(session: ExecutorSession | undefined): void {
    this.#session = session;
  }

  enterStep(): void {
    this.#steps += 1;
  }

  leaveStep(): void {
    this.#steps -= 1;
  }

  /** Kills the executor; the database's journal rolls back. */
  cancel(reason: string): void {
    this.#stop ??= { kind: "cancel", reason };
    this.#session?.kill("cancelled");
  }

  /** Lets a step in progress end; anything else is given up at once. */
  shutDown(): void {
    this.#stop ??= { kind: "shutdown", reason: "The service is stopping" };
    if (this.#steps === 0 && !this.uninterruptible) this.#session?.kill("the service is stopping");
  }

  /** Throws where a run may end in good order. */
  checkpoint(): void {
    if (this.#stop === undefined) return;
    throw new DomainError(
      this.#stop.kind === "cancel" ? "cancelled" : "service-stopping",
      this.#stop.reason,
      { hint: "Request the run again" },
    );
  }
}
