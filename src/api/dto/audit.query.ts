import { IsIn } from "class-validator";
import { EVENT_VERSIONS, type EventType } from "../../domain/events.ts";
import { Optional, QueryInt, QueryIntOr, QueryList, Text, Time } from "./decorators.ts";

/** Events to read. Every filter narrows. */
export class AuditQuery {
  /** Name or id. */
  @Optional() @Text(100) database?: string;
  /** Pseudonym `act_…`, or the name of a key. */
  @Optional() @Text(100) actor?: string;
  @Optional() @QueryList(Object.keys(EVENT_VERSIONS)) type?: EventType[];
  @Optional() @Text(100) runId?: string;
  @Optional() @Text(100) correlationId?: string;
  @Optional() @Time() from?: string;
  @Optional() @Time() to?: string;
  /** Index of the last event seen. */
  @Optional() @QueryInt(0, Number.MAX_SAFE_INTEGER) after?: number;
  /** `all`: the whole of it, as it is now, sent as it is read. */
  @Optional() @QueryIntOr("all", 1, 1000) limit?: number | "all";
  @Optional() @IsIn(["asc", "desc"]) order?: "asc" | "desc";
}
