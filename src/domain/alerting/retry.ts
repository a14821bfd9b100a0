/** How soon what was not delivered is tried again. */
export interface RetryPace {
  /** Before the second attempt, ms; it grows by `growth` with each that follows. */
  readonly firstMs: number;
  readonly growth: number;
  /** The longest wait, ms. */
  readonly mostMs: number;
  /** An alert that waits longer is given up, ms. */
  readonly giveUpMs: number;
}

/** Seconds at first; a receiver that is back after hours hears within the hour; three days in all. */
export const RETRY_PACE: RetryPace = {
  firstMs: 2_000,
  growth: 4,
  mostMs: 3_600_000,
  giveUpMs: 72 * 3_600_000,
};

/**
 * The wait after the `attempt`th failure, ms. A quarter more or less by chance (`random` is from 0
 * to 1), so that many that failed at once do not come back at once; `asked` is what the receiver
 * wants at least.
 */
export function retryAfter(
  { firstMs, growth, mostMs }: RetryPace,
  attempt: number,
  random: number,
  asked = 0,
): number {
  const grown = Math.min(mostMs, firstMs * growth ** (attempt - 1));
  return Math.round(Math.min(mostMs, Math.max(asked, grown * (0.75 + random / 2))));
}
