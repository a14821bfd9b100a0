import { Optional, Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

/** A scrub or a drill to carry out. */
export class AssuranceRequest {
  @Optional() @Text(MAX_REASON) reason?: string;
}
