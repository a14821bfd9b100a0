/** Callers that are told apart at once. Those beyond share one bucket: memory has an end. */
const MAX_BUCKETS = 10_000;

interface Bucket {
  tokens: number;
  /** When it was filled last, ms of `now`. */
  at: number;
}

/** A bucket of tokens for each caller: filled at a rate, up to a burst; a request takes one. */
export class TokenBuckets {
  readonly #rate: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `rate` a second; `now` in ms, never going back. */
  constructor(rate: number, burst: number, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#burst = burst;
    this.#now = now;
  }

  /** Takes a token; 0 if there was one, else the seconds after which there is one again. */
  take(caller: string): number {
    const bucket = this.#filled(caller);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return (1 - bucket.tokens) / this.#rate;
  }

  #filled(caller: string): Bucket {
    const now = this.#now();
    const bucket = this.#buckets.get(caller) ?? this.#added(caller, now);
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#rate);
    bucket.at = now;
    return bucket;
  }

  #added(caller: string, now: number): Bucket {
    if (this.#buckets.size >= MAX_BUCKETS) this.#forgetFull(now);
    const key = this.#buckets.size >= MAX_BUCKETS ? "others" : caller;
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = { tokens: this.#burst, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** A full bucket is as good as none. */
  #forgetFull(now: number): void {
    for (const [caller, { tokens, at }] of this.#buckets)
      if (tokens + ((now - at) / 1000) * this.#rate >= this.#burst) this.#buckets.delete(caller);
  }
}
