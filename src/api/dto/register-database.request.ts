import { IsBoolean, IsIn, Matches } from "class-validator";
import type { EngineName } from "../../domain/database/events.ts";
import { Nested, Optional, Text } from "./decorators.ts";
import { PolicyRequest } from "./policy.request.ts";

const ENGINES: readonly EngineName[] = ["sqlite", "postgres"];
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** A database to take under management. */
export class RegisterDatabaseRequest {
  @Matches(NAME, {
    message:
      "$property must be 1 to 63 of a-z, 0-9, dot, dash and underscore, starting with a-z or 0-9",
  })
  name!: string;
  @IsIn(ENGINES) engine!: EngineName;
  /** sqlite: an absolute path or `file:` URL under an allowed root. */
  @Text(4096) url!: string;
  @Optional() @Nested(() => PolicyRequest) policy?: PolicyRequest;
  /** Create the file if it is missing. */
  @Optional() @IsBoolean() create?: boolean;
}
