/** What a span is known by. */
export interface SpanAttributes {
  readonly [name: string]: string | number | boolean;
}

/** Shows where time goes, to whoever wants to see it. Nothing depends on it. */
export interface Tracer {
  /**
   * Does the work within a span of this name; what the work begins is below it. An error that is not
   * thrown is told by `fail`.
   */
  span<T>(
    name: string,
    attributes: SpanAttributes,
    work: (fail: (error: unknown) => void) => Promise<T>,
  ): Promise<T>;
  /** The same, in a trace of its own: whatever happened to wake it is not what it is part of. */
  root<T>(name: string, attributes: SpanAttributes, work: () => Promise<T>): Promise<T>;
}
