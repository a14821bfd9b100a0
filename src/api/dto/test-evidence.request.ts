import { IsIn, Matches } from "class-validator";
import type { TestResult } from "../../domain/governance/events.ts";
import { Optional, Text } from "./decorators.ts";
import { DIGEST, DIGEST_MESSAGE } from "./run.request.ts";

const RESULTS: readonly TestResult[] = ["passed", "failed"];

/** A test of a plan that ran somewhere else. */
export class TestEvidenceRequest {
  /** The plan that was tested: `planDigest` of a plan or run. */
  @Matches(DIGEST, DIGEST_MESSAGE) planDigest!: string;
  /** Where it was tested. */
  @Text(100) environment!: string;
  @IsIn(RESULTS) result!: TestResult;
  /** Digest of what the test left behind. */
  @Optional() @Matches(DIGEST, { message: "artifact must be sha256:…" }) artifact?: string;
  /** Where to find it, without credentials. */
  @Optional() @Text(500) reference?: string;
}
