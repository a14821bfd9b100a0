import { databaseStream, type DomainEvent, type RecordedEvent } from "../events.ts";
import type { Content, ExpectedVersion, Ledger } from "../ledger/ledger.ts";
import type { Context } from "./actor.ts";
import { Conflict } from "./errors.ts";

export interface RecordOptions {
  /** Default `any`: outcomes must be recorded whatever else was appended meanwhile. */
  readonly expected?: ExpectedVersion;
  readonly contents?: readonly Content[];
  /** The append happens once under these keys; a second try is an error (someone else did it). */
  readonly once?: readonly string[];
}

/** Appends events to the stream of one database. */
export class Recorder {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /**
   * Durable when it resolves. Returns the recorded events. Errors: those of `Ledger.append`;
   * `Conflict` code outcome-recorded-already when `once` was used before.
   */
  async record(
    databaseId: string,
    events: readonly DomainEvent[],
    context: Context,
    options: RecordOptions = {},
  ): Promise<readonly RecordedEvent[]> {
    const appended = await this.#ledger.append({
      stream: databaseStream(databaseId),
      expected: options.expected ?? "any",
      events,
      context,
      ...(options.contents === undefined ? {} : { contents: options.contents }),
      ...(options.once === undefined ? {} : { once: options.once }),
    });
    if (appended.repeated && options.once !== undefined && options.once.length > 0)
      throw new Conflict(
        "outcome-recorded-already",
        `${options.once.join(", ")} is recorded already`,
      );
    return appended.events;
  }
}

/** The key under which the one outcome of an attempt is recorded. */
export const outcomeKey = (attempt: string): string => `outcome:${attempt}`;

/** The same actor and circumstances, for what a run or operation does later on. */
export function onBehalf(context: Context, correlation: string, causation: string): Context {
  const { actor, authn, source, requestId } = context;
  return { actor, authn, source, requestId, correlation, causation };
}

/** How often a command is decided anew when others appended to the stream meanwhile. */
const DECISIONS = 10;

/**
 * Decides on the present state and appends at the version it saw; when the stream moved on
 * meanwhile, decides again on the new state. Never repeats an append blindly.
 */
export async function decide<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const moved = error instanceof Conflict && error.code === "expected-version-conflict";
      if (!moved || tries >= DECISIONS) throw error;
    }
  }
}
