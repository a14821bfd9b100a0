import { IsBoolean } from "class-validator";
import { Optional, Time } from "./decorators.ts";

/** When something may begin, and whose consent it needs before. */
export class CircumstancesRequest {
  /** It does not begin earlier. */
  @Optional() @Time() notBefore?: string;
  /** May begin outside the window and during a freeze: needs a reason and one approval more. */
  @Optional() @IsBoolean() exception?: boolean;
  /** Begins at once without approvals: needs a reason, and a review afterwards. */
  @Optional() @IsBoolean() emergency?: boolean;
}
