import type { Progress, TableBackupResult } from "../../domain/engine/database-engine.ts";
import type { SessionHost } from "../../domain/engine/executor.ts";
import { Conflict } from "../../domain/shared/errors.ts";
import { ChildTrace } from "./child-trace.ts";
import type { ClosableEngine, CreateEngine, EngineOptions } from "./engines.ts";
import { exitIfOrphaned } from "./orphan.ts";
import { ENGINE_METHODS, type ToChild, type ToParent } from "./protocol.ts";
import { fromWire, toWire } from "./wire-error.ts";

/** Sends; `sent` is called once the message left. False while messages pile up. */
export type Send = (message: ToParent, sent?: () => void) => boolean;

type Call = Extract<ToChild, { kind: "call" }>;
type TablesRecorded = Extract<ToChild, { kind: "tables-recorded" }>;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The child's side of one session: gives the service's calls to the engine, and its answers back. */
export class ChildSession implements SessionHost {
  readonly #createEngine: CreateEngine;
  readonly #options: EngineOptions;
  readonly #send: Send;
  readonly #waiting = new Map<number, Waiting>();
  #engine: ClosableEngine | undefined;
  #nextId = 1;
  #congested = false;
  /** Of calls under way that are traced. */
  readonly #traces = new Set<ChildTrace>();

  constructor(createEngine: CreateEngine, options: EngineOptions, send: Send) {
    this.#createEngine = createEngine;
    this.#options = options;
    this.#send = send;
  }

  /** Handles everything but `close`, which is the process's own affair. */
  async handle(message: Exclude<ToChild, { kind: "close" | "release" }>): Promise<void> {
    switch (message.kind) {
      case "open":
        return this.#open(message);
      case "call":
        return this.#answer(message);
      case "tables-recorded":
        return this.#recorded(message);
    }
  }

  /** Before the process exits: SQLite's WAL would otherwise stay behind, with commits in it. */
  async close(): Promise<void> {
    await this.#engine?.close?.();
  }

  /** The session has ended, and another can be opened. */
  async release(): Promise<void> {
    await this.close();
    this.#engine = undefined;
  }

  /** Progress is for people: while the service reads slowly, it is left out instead of piling up. */
  readonly onProgress = (progress: Progress): void => {
    exitIfOrphaned();
    for (const trace of this.#traces) trace.progress(progress);
    if (this.#congested) {
      return;
    }
    this.#congested = !this.#send({ kind: "progress", progress }, () => {
      this.#congested = false;
    });
  };

  readonly onTablesSaved = (saved: TableBackupResult): Promise<void> => {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: "tables-saved", id, saved });
    });
  };

  async #open({ target, password }: Extract<ToChild, { kind: "open" }>): Promise<void> {
    try {
      if (this.#engine !== undefined) {
        throw new Conflict("session-open", "This process serves another session already");
      }
      this.#engine = await this.#createEngine(target, this, { ...this.#options, password });
      this.#send({ kind: "opened" });
    } catch (error) {
      this.#send({ kind: "opened", error: toWire(error) });
    }
  }

  async #answer(call: Call): Promise<void> {
    const { id, method, traceparent } = call;
    const trace = traceparent === undefined ? undefined : new ChildTrace(`engine ${method}`);
    if (trace !== undefined) this.#traces.add(trace);
    const tell = (failed: boolean): void => {
      if (trace === undefined || !this.#traces.delete(trace)) return;
      this.#send({ kind: "spans", traceparent: traceparent!, spans: trace.end(failed) });
    };
    try {
      const value = await this.#run(call);
      tell(false);
      this.#send({ kind: "result", id, value });
    } catch (error) {
      tell(true);
      this.#send({ kind: "error", id, error: toWire(error) });
    }
  }

  #run(call: Call): Promise<unknown> {
    const engine = this.#engine;
    if (engine === undefined || !ENGINE_METHODS.includes(call.method)) {
      throw new Conflict("call-refused", `No session can answer "${call.method}"`);
    }
    const operation = engine[call.method] as (...args: readonly unknown[]) => Promise<unknown>;
    return operation.apply(engine, call.args as unknown[]);
  }

  #recorded(message: TablesRecorded): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) {
      waiting?.resolve();
    } else {
      waiting?.reject(fromWire(message.error));
    }
  }
}
