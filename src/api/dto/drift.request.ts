import { Matches } from "class-validator";
import { CircumstancesRequest } from "./circumstances.request.ts";
import { Text } from "./decorators.ts";
import { MAX_REASON } from "./run.request.ts";

/** Why. */
export class ReasonRequest {
  @Text(MAX_REASON) reason!: string;
}

/** A drifted schema to undo by a restore. */
export class DriftReversalRequest extends CircumstancesRequest {
  @Text(MAX_REASON) reason!: string;
}

/** A drifted schema to take over. */
export class AdoptDriftRequest extends ReasonRequest {
  /** The fingerprint that was looked at: another one is not adopted unseen. */
  @Matches(/^sha256:[0-9a-f]{64}$/, { message: "found must be a fingerprint: sha256:…" })
  found!: string;
}
