import type { RecordedEvent } from "../domain/events.ts";
import type { Sink } from "./route.ts";
import type { Services } from "./services.ts";
import type { EventWriter } from "./views/event-view.ts";

const HEARTBEAT_MS = 15_000;
const PAGE = 200;

/** What a stream of an operation needs. */
export type StreamParts = Pick<Services, "ledger" | "projection" | "progress" | "stopping">;

/** A run, a restore: what a stream follows. */
export interface Operation {
  readonly id: string;
  /** The correlation of its events. */
  readonly correlation: string;
  /** What the last message says; undefined until it has ended. */
  readonly ended: () => object | undefined;
}

/** Who follows it. */
export interface Follower {
  /** False once the key is revoked or has expired: nothing more is sent. */
  readonly mayRead: () => boolean;
}

/**
 * Server-sent events of one operation: those that happened after index `after`, then live, with progress
 * between them, until it has ended. It listens before it reads, so nothing is missed, and
 * sends each index once, in order.
 */
export class OperationStream {
  readonly #parts: StreamParts;
  readonly #writer: EventWriter;
  readonly #operation: Operation;
  readonly #sink: Sink;
  readonly #follower: Follower;
  #last: number;
  /** Live events that wait until the past ones are sent. */
  #waiting: RecordedEvent[] | undefined = [];
  #closed = false;
  readonly #release: (() => void)[] = [];

  constructor(
    parts: StreamParts,
    writer: EventWriter,
    operation: Operation,
    after: number,
    sink: Sink,
    follower: Follower,
  ) {
    this.#parts = parts;
    this.#writer = writer;
    this.#operation = operation;
    this.#last = after;
    this.#sink = sink;
    this.#follower = follower;
  }

  /** Resolves when the past is sent; rejects if it cannot be read (the stream is then closed). */
  async run(): Promise<void> {
    const { projection, progress, stopping } = this.#parts;
    const stop = (): void => this.#end();
    this.#sink.onClose(() => this.#close());
    this.#release.push(
      projection.onChange((events) => this.#follow(events)),
      progress.subscribe(this.#operation.id, (step) => {
        if (this.#waiting === undefined)
          this.#send(`event: progress\ndata: ${JSON.stringify(step)}\n\n`);
      }),
      () => stopping.removeEventListener("abort", stop),
    );
    stopping.addEventListener("abort", stop);
    const heartbeat = setInterval(() => this.#send(": alive\n\n"), HEARTBEAT_MS).unref();
    this.#release.push(() => clearInterval(heartbeat));
    if (stopping.aborted) return this.#end();
    try {
      await this.#replay();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #replay(): Promise<void> {
    const { ledger } = this.#parts;
    for (;;) {
      const after = this.#last;
      const query = {
        correlation: this.#operation.correlation,
        limit: PAGE,
        order: "asc",
      } as const;
      const events = await ledger.read(after < 0 ? query : { ...query, after });
      events.forEach((event) => this.#sendEvent(event));
      if (this.#closed || events.length < PAGE) break;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    waiting.forEach((event) => this.#sendEvent(event));
    this.#endIfOver();
  }

  #follow(events: readonly RecordedEvent[]): void {
    if (!this.#follower.mayRead()) return this.#end();
    const own = events.filter((event) => event.correlation === this.#operation.correlation);
    if (this.#waiting !== undefined) {
      this.#waiting.push(...own);
      return;
    }
    own.forEach((event) => this.#sendEvent(event));
    this.#endIfOver();
  }

  #sendEvent(event: RecordedEvent): void {
    if (event.index <= this.#last) return;
    this.#last = event.index;
    this.#send(`id: ${event.index}\nevent: ${event.type}\ndata: ${this.#writer.event(event)}\n\n`);
  }

  #endIfOver(): void {
    const end = this.#operation.ended();
    if (this.#closed || end === undefined) return;
    this.#send(`event: end\ndata: ${JSON.stringify(end)}\n\n`);
    this.#end();
  }

  #send(text: string): void {
    if (this.#closed) return;
    if (!this.#follower.mayRead()) return this.#end();
    if (!this.#sink.write(text)) this.#close();
  }

  #end(): void {
    this.#close();
    this.#sink.end();
  }

  #close(): void {
    this.#closed = true;
    for (const release of this.#release.splice(0)) release();
  }
}
