import { Text } from "./decorators.ts";

/** Why another key is to sign. */
export class RotationRequest {
  @Text(500) reason!: string;
}

/** Which key is to sign no more, and why. */
export class RetirementRequest {
  @Text(500) verifierKey!: string;
  @Text(500) reason!: string;
}
