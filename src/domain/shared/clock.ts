/** Time, passed in so that the domain stays pure. */
export interface Clock {
  /** Now, RFC 3339 UTC with milliseconds: `2026-01-02T03:04:05.678Z`. */
  now(): string;
  /** Monotonic milliseconds, for durations only. */
  elapsed(): number;
  /** Resolves after `ms` milliseconds; does not keep the process alive. */
  sleep(ms: number): Promise<void>;
}
