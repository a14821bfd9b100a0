import { SERVICE_STREAM } from "../events.ts";
import type { Context } from "../shared/actor.ts";
import type { Clock } from "../shared/clock.ts";
import type { LedgerState } from "../state/state.ts";
import type { QuietRecorder } from "./quiet-recorder.ts";

export interface AccessRecorderParts {
  readonly quiet: QuietRecorder;
  readonly projection: { readonly state: LedgerState };
  readonly clock: Clock;
}

/** One refused request. */
export interface Refusal {
  /** The problem code answered. */
  readonly code: string;
  /** Id of the route asked for. */
  readonly route: string;
  readonly context: Context;
}

/**
 * Records who uses the service and who is refused, without letting callers fill the ledger: a key's
 * use once a day, refusals at most once a minute for each caller and reason, with their number.
 */
export class AccessRecorder {
  readonly #parts: AccessRecorderParts;
  readonly #used = new Map<string, string>();

  constructor(parts: AccessRecorderParts) {
    this.#parts = parts;
  }

  /** The key was used. Returns at once. */
  used(keyId: string, context: Context): void {
    const today = this.#parts.clock.now().slice(0, 10);
    const known = this.#parts.projection.state.keys.get(keyId)?.lastUsed?.time.slice(0, 10);
    if (known === today || this.#used.get(keyId) === today) return;
    this.#used.set(keyId, today);
    const event = { type: "KeyUsed", data: { keyId } } as const;
    void this.#parts.quiet.record({ stream: SERVICE_STREAM, context, event: () => event }, 0);
  }

  /** A request was refused. Returns at once. */
  refused({ code, route, context }: Refusal): void {
    void this.#parts.quiet.note({
      key: `${code} ${context.actor.id} ${context.source.ip ?? ""}`,
      stream: SERVICE_STREAM,
      context,
      event: (repeated) => ({
        type: "AccessRefused",
        data: { code, route, ...(repeated === 0 ? {} : { repeated }) },
      }),
    });
  }
}
