import { Text } from "./decorators.ts";

/** Why an actor's personal data is erased. Do not name the person in it. */
export class ErasureRequest {
  @Text(500) reason!: string;
}
