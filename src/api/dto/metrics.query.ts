import { Optional, Text, Time } from "./decorators.ts";

/** A period; absent bounds are the ledger's own. */
export class PeriodQueryParams {
  @Optional() @Time() from?: string;
  @Optional() @Time() to?: string;
}

/** What to measure. */
export class MetricsQuery extends PeriodQueryParams {
  /** Name or id. */
  @Optional() @Text(100) database?: string;
}
