import { IsIn } from "class-validator";
import { Optional, QueryInt } from "./decorators.ts";
import { PeriodQueryParams } from "./metrics.query.ts";

export const REPORT_FORMATS = ["json", "html", "csv", "pdf"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** A period to report on. */
export class EvidenceQuery extends PeriodQueryParams {
  /** Changes to draw for the audit sample; default 25. */
  @Optional() @QueryInt(1, 1000) sample?: number;
}

/** A report to make. */
export class ReportQuery extends EvidenceQuery {
  /** Default json. */
  @Optional() @IsIn(REPORT_FORMATS) format?: ReportFormat;
}
