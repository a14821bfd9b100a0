import { SERVICE_STREAM, type DomainEvent } from "../events.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import { DomainError } from "../shared/errors.ts";
import type { LedgerState } from "../state/state.ts";

export interface AccessRecorderParts {
  readonly ledger: Ledger;
  readonly projection: { readonly state: LedgerState };
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
}

/** One refused request. */
export interface Refusal {
  /** The problem code answered. */
  readonly code: string;
  /** Id of the route asked for. */
  readonly route: string;
  readonly context: Context;
}

/** The same caller refused for the same reason is recorded once in this time; the rest is counted. */
export const QUIET_MS = 60_000;
/** Callers and reasons that are told apart at once; what comes beyond is counted together. */
const MAX_TOLD_APART = 100;

interface Counted {
  readonly refusal: Refusal;
  repeated: number;
}

/**
 * Records who uses the service and who is refused, without letting callers fill the ledger: a key's
 * use once a day, refusals at most once a minute for each caller and reason, with their number.
 */
export class AccessRecorder {
  readonly #parts: AccessRecorderParts;
  readonly #quiet = new Map<string, Counted>();
  readonly #used = new Map<string, string>();
  readonly #writing = new Set<Promise<void>>();

  constructor(parts: AccessRecorderParts) {
    this.#parts = parts;
  }

  /** The key was used. Returns at once. */
  used(keyId: string, context: Context): void {
    const today = this.#parts.clock.now().slice(0, 10);
    const known = this.#parts.projection.state.keys.get(keyId)?.lastUsed?.time.slice(0, 10);
    if (known === today || this.#used.get(keyId) === today) return;
    this.#used.set(keyId, today);
    this.#record({ type: "KeyUsed", data: { keyId } }, context);
  }

  /** A request was refused. Returns at once. */
  refused(refusal: Refusal): void {
    const { code, context } = refusal;
    const caller = `${code} ${context.actor.id} ${context.source.ip ?? ""}`;
    const key = this.#quiet.size < MAX_TOLD_APART || this.#quiet.has(caller) ? caller : "others";
    const known = this.#quiet.get(key);
    if (known !== undefined) {
      known.repeated += 1;
      return;
    }
    this.#quiet.set(key, { refusal, repeated: 0 });
    this.#write(refusal, 0);
    void this.#parts.clock.sleep(QUIET_MS).then(() => this.#endQuiet(key));
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
      this.#write(counted.refusal, counted.repeated);
  }

  #write({ code, route, context }: Refusal, repeated: number): void {
    const data = { code, route, ...(repeated === 0 ? {} : { repeated }) };
    this.#record({ type: "AccessRefused", data }, context);
  }

  #record(event: DomainEvent, context: Context): void {
    const writing = this.#parts.ledger
      .append({ stream: SERVICE_STREAM, expected: "any", events: [event], context })
      .then(
        () => {},
        (error: unknown) => {
          // Nobody waits for it; while the service stops there is nothing to write to.
          if (!(error instanceof DomainError && error.code === "ledger-closed"))
            this.#parts.report(error);
        },
      )
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}
