import { HttpError } from "../problem.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** A burst is what a caller may ask at once after a rest: this many seconds' worth. */
const BURST_SECONDS = 10;
/** Requests of one caller that are being answered at once, waits and streams included. */
const MAX_AT_ONCE = 200;
/** Requests of all. */
const MAX_OPEN = 1000;

/** Keeps one caller from taking the service from the others, and all together from drowning it. */
export class CallerLimits {
  readonly #buckets: TokenBuckets | undefined;
  readonly #open = new Map<string, number>();
  #all = 0;

  /** Requests a second of one key, or from one address without a valid one; 0: as many as they like. */
  constructor(rate: number) {
    this.#buckets = rate === 0 ? undefined : new TokenBuckets(rate, rate * BURST_SECONDS);
  }

  /** Error: HttpError rate-limited. */
  take(caller: string): void {
    const seconds = this.#buckets?.take(caller) ?? 0;
    if (seconds > 0)
      throw new HttpError(429, "rate-limited", "Too many requests in a short time", {
        hint: "Wait as long as Retry-After says; the limit is --rate-limit",
        headers: { "Retry-After": String(Math.ceil(seconds)) },
      });
  }

  /**
   * The request is being answered until what is returned is called. Errors: HttpError service-overloaded |
   * too-many-at-once.
   */
  enter(caller: string): () => void {
    if (this.#all >= MAX_OPEN)
      throw new HttpError(503, "service-overloaded", "The service is answering too many requests", {
        hint: "Try again a little later",
        headers: { "Retry-After": "1" },
      });
    const open = this.#open.get(caller) ?? 0;
    if (open >= MAX_AT_ONCE)
      throw new HttpError(429, "too-many-at-once", `${open} requests of this caller are open`, {
        hint: "Wait for some of them: streams and long waits count while they last",
        headers: { "Retry-After": "1" },
      });
    this.#all += 1;
    this.#open.set(caller, open + 1);
    return () => this.#leave(caller);
  }

  #leave(caller: string): void {
    this.#all -= 1;
    const left = this.#open.get(caller)! - 1;
    if (left > 0) this.#open.set(caller, left);
    else this.#open.delete(caller);
  }
}
