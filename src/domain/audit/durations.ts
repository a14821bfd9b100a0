/** How long things took, milliseconds. Percentiles by nearest rank; null when there is none. */
export interface DurationSummary {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

/** Exact: every value is kept. */
export class Durations {
  readonly #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  summary(): DurationSummary {
    const sorted = Float64Array.from(this.#values).toSorted();
    const at = (share: number): number | null =>
      sorted.length === 0 ? null : sorted[Math.ceil(share * sorted.length) - 1]!;
    return { count: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
  }
}
