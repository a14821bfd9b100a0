import { Optional, QueryInt, Text } from "./decorators.ts";

/** One page of a list. */
export class PageQuery {
  @Optional() @QueryInt(1, 1000) limit?: number;
  /** The `next` of the page before. */
  @Optional() @Text(100) after?: string;
}

/** Seconds to wait for the end. */
export class WaitQuery {
  @Optional() @QueryInt(0, 60) wait?: number;
}

/** One page of events. */
export class AfterQuery {
  @Optional() @QueryInt(1, 1000) limit?: number;
  /** Index of the last event seen. */
  @Optional() @QueryInt(0, Number.MAX_SAFE_INTEGER) after?: number;
}
