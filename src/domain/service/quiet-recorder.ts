import type { DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { DomainError } from "../shared/errors.ts";

export interface QuietRecorderParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
}

/** What may happen again and again, with the words that make two of them the same. */
export interface Repeatable {
  readonly key: string;
  readonly stream: string;
  readonly context: Context;
  /** The event; `repeated`: how many more there were since the last one, 0 for the first. */
  readonly event: (repeated: number) => DomainEvent;
}

/** The same is recorded once in this time; the rest is counted. */
export const QUIET_MS = 60_000;
/** Things of one stream that are told apart at once; what comes beyond is counted together. */
const MAX_TOLD_APART = 100;

interface Counted {
  readonly what: Repeatable;
  repeated: number;
}

/** Records what callers could repeat without end, so that nobody can fill the ledger with it. */
export class QuietRecorder {
  readonly #parts: QuietRecorderParts;
  readonly #quiet = new Map<string, Counted>();
  readonly #writing = new Set<Promise<void>>();

  constructor(parts: QuietRecorderParts) {
    this.#parts = parts;
  }

  /** Resolves when it is on record or counted; never rejects. */
  async note(what: Repeatable): Promise<void> {
    const key = this.#keyOf(what);
    const known = this.#quiet.get(key);
    if (known !== undefined) {
      known.repeated += 1;
      return;
    }
    this.#quiet.set(key, { what, repeated: 0 });
    void this.#parts.clock.sleep(QUIET_MS).then(() => this.#endQuiet(key));
    await this.record(what, 0);
  }

  /** A flood in one stream does not hide what is tried in another. */
  #keyOf({ key, stream }: Repeatable): string {
    const own = `${stream} ${key}`;
    if (this.#quiet.has(own)) return own;
    const told = [...this.#quiet.values()].filter(({ what }) => what.stream === stream);
    return told.length < MAX_TOLD_APART ? own : `${stream} others`;
  }

  /** Appends the event at once, whatever was recorded before. */
  record({ stream, context, event }: Omit<Repeatable, "key">, repeated: number): Promise<void> {
    const writing = this.#parts.ledger
      .append({ stream, expected: "any", events: [event(repeated)], context })
      .then(
        () => {},
        (error: unknown) => {
          // Nobody could do anything about it; while the service stops there is nothing to write to.
          if (!(error instanceof DomainError && error.code === "ledger-closed"))
            this.#parts.report(error);
        },
      )
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }

  /** Records what was only counted yet, and waits for what is being written. */
  async stop(): Promise<void> {
    for (const key of this.#quiet.keys()) this.#endQuiet(key);
    await Promise.all(this.#writing);
  }

  #endQuiet(key: string): void {
    const counted = this.#quiet.get(key);
    this.#quiet.delete(key);
    if (counted !== undefined && counted.repeated > 0)
      void this.record(counted.what, counted.repeated);
  }
}
