import type {
  DatabaseEngine,
  DatabaseTarget,
  TableBackupResult,
} from "../../domain/engine/database-engine.ts";
import type { ExecutorSession, SessionHost } from "../../domain/engine/executor.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import { adopt, callSpan } from "../telemetry/tracing.ts";
import type { ChildListener, ExecutorChild } from "./executor-child.ts";
import { OWN_STATEMENTS, type EngineMethod, type ToParent } from "./protocol.ts";
import { type CallEngine, RemoteEngine } from "./remote-engine.ts";
import { fromWire, toWire, type WireError } from "./wire-error.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

const RECOVER = "What it did is unknown until recovery has read the database's markers";
/** Lets go of a child that could serve another session. */
type TakeBack = (child: ExecutorChild, reason: Unavailable) => Promise<void>;

/** What a session is of. */
export interface Opening {
  readonly target: DatabaseTarget;
  readonly password: string | undefined;
}

/** Number of the `open` message among the calls. */
const OPENING = 0;

/** The service's side of one session with one child. */
export class ChildExecutorSession implements ExecutorSession, ChildListener {
  readonly engine: DatabaseEngine;
  readonly #child: ExecutorChild;
  readonly #host: SessionHost;
  readonly #timeoutMs: number | undefined;
  readonly #takeBack: TakeBack;
  /** Nothing of others was executed, and nothing failed. */
  #isClean = true;
  readonly #pending = new Map<number, Pending>();
  #nextId = OPENING + 1;
  #end: Unavailable | undefined;

  private constructor(
    child: ExecutorChild,
    host: SessionHost,
    timeoutMs: number | undefined,
    takeBack: TakeBack,
  ) {
    this.#takeBack = takeBack;
    this.#child = child;
    this.#host = host;
    this.#timeoutMs = timeoutMs;
    this.engine = new RemoteEngine(this.#call);
    child.listen(this);
  }

  /** Rejects with what the engine threw at its creation, or with how the child ended. */
  static async open(
    child: ExecutorChild,
    { target, password }: Opening,
    host: SessionHost,
    timeoutMs: number | undefined,
    takeBack: TakeBack,
  ): Promise<ChildExecutorSession> {
    const session = new ChildExecutorSession(child, host, timeoutMs, takeBack);
    try {
      await session.#ask(OPENING, "open", () =>
        child.send({ kind: "open", target, ...(password === undefined ? {} : { password }) }),
      );
      return session;
    } catch (error) {
      session.kill("its engine could not be opened");
      throw error;
    }
  }

  kill(reason: string): void {
    const error = new Unavailable("executor-killed", `The executor was killed: ${reason}`, {
      hint: RECOVER,
    });
    this.#end ??= error;
    this.#child.kill(error);
  }

  async close(): Promise<void> {
    const error = new Unavailable("executor-closed", "The session is closed", {
      hint: "Open another session",
    });
    const isClean = this.#isClean && this.#end === undefined && this.#pending.size === 0;
    this.#end ??= error;
    await (isClean ? this.#takeBack(this.#child, error) : this.#child.close(error));
  }

  message(message: ToParent): void {
    switch (message.kind) {
      case "opened":
        return this.#settle(OPENING, message.error);
      case "result":
        return this.#settle(message.id, undefined, message.value);
      case "error":
        return this.#settle(message.id, message.error);
      case "spans":
        return adopt(message.traceparent, message.spans);
      case "progress":
        return this.#report(message.progress);
      case "tables-saved":
        void this.#record(message.id, message.saved);
        return;
      case "ready":
        return;
    }
  }

  ended(reason: Unavailable): void {
    this.#end = reason;
    for (const id of this.#pending.keys()) {
      this.#take(id)?.reject(reason);
    }
  }

  readonly #call: CallEngine = <M extends EngineMethod>(
    method: M,
    args: Parameters<DatabaseEngine[M]>,
  ) => {
    const id = this.#nextId++;
    if (!OWN_STATEMENTS.has(method)) this.#isClean = false;
    const { traceparent, end } = callSpan(`executor ${method}`, {
      "schemaledger.executor.pid": this.#child.pid ?? 0,
    });
    const traced = traceparent === undefined ? {} : { traceparent };
    const answer = this.#ask(id, method, () =>
      this.#child.send({ kind: "call", id, method, args, ...traced }),
    );
    if (traceparent !== undefined) answer.then(() => end(), end);
    return answer as ReturnType<DatabaseEngine[M]>;
  };

  #ask(id: number, name: string, send: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(this.#end);
        return;
      }
      this.#pending.set(id, { resolve, reject, timer: this.#limit(name) });
      try {
        send();
      } catch (error) {
        this.#take(id)?.reject(error as Error);
      }
    });
  }

  #limit(name: string): NodeJS.Timeout | undefined {
    const ms = this.#timeoutMs;
    if (ms === undefined) {
      return undefined;
    }
    return setTimeout(() => {
      const error = new Unavailable(
        "executor-timeout",
        `The executor was killed: "${name}" took longer than ${ms} ms`,
        { hint: RECOVER },
      );
      this.#end ??= error;
      this.#child.kill(error);
    }, ms);
  }

  #settle(id: number, error: WireError | undefined, value?: unknown): void {
    const pending = this.#take(id);
    if (error === undefined) {
      pending?.resolve(value);
    } else {
      this.#isClean = false;
      pending?.reject(fromWire(error));
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #report(progress: Parameters<SessionHost["onProgress"]>[0]): void {
    try {
      this.#host.onProgress(progress);
    } catch {
      // Progress is for people and never recorded: a broken listener must not stop the work.
    }
  }

  async #record(id: number, saved: TableBackupResult): Promise<void> {
    const error = await this.#recordingError(saved);
    if (this.#end === undefined) {
      this.#child.send({ kind: "tables-recorded", id, ...(error === undefined ? {} : { error }) });
    }
  }

  async #recordingError(saved: TableBackupResult): Promise<WireError | undefined> {
    try {
      await this.#host.onTablesSaved(saved);
      return undefined;
    } catch (error) {
      return toWire(error);
    }
  }
}
