import { ArrayMaxSize, IsArray, IsBoolean, IsString, MaxLength } from "class-validator";
import { Optional, Text } from "./decorators.ts";

const MAX_NOTE = 20_000;

/** What a verification is to compare with, and what it may leave out. */
export class VerificationRequest {
  /** Signed checkpoints that you kept. */
  @Optional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(MAX_NOTE, { each: true })
  checkpoints?: string[];

  /** A checkpoint up to which everything was verified before: only what is newer is read. */
  @Optional() @Text(MAX_NOTE) since?: string;

  /** False: the managed databases are not looked at. */
  @Optional() @IsBoolean() databases?: boolean;

  /** False: the state is not replayed. */
  @Optional() @IsBoolean() replay?: boolean;
}
