import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsIn } from "class-validator";
import type { CodeLanguage, Deviation } from "../../domain/migration/migration.ts";
import type { TransactionMode } from "../../domain/database/events.ts";
import { ListOf, Names, Nested, Optional, Sql, Text, Version } from "./decorators.ts";

/** Longest signature file, characters: an RSA key and signature of 16384 bits fit. */
const MAX_SIGNATURE = 16_384;
const LANGUAGES: readonly CodeLanguage[] = ["javascript", "typescript"];
const MODES: readonly TransactionMode[] = ["required", "none"];

/** What a migration declares it is meant to do although it looks like loss. */
export class AllowancesRequest {
  /** Tables that may end with fewer rows than before. */
  @Optional() @Names(1000) rowLoss?: string[];
}

export class MigrationRequest {
  @Version() version!: string;
  @Text(200) name!: string;
  @Sql() up!: string;
  @Optional() @Sql() down?: string;
  @Optional() @Sql() verify?: string;
  @Optional() @IsIn(MODES) transaction?: TransactionMode;
  @Optional() @Nested(() => AllowancesRequest) allow?: AllowancesRequest;
  /** Key of its place, where a tool orders otherwise than by version. */
  @Optional() @Text(200) order?: string;
  /** Runs after all versions. */
  @Optional() @IsBoolean() repeatable?: boolean;
  /** `up` and `down` are the text of a module in this language. */
  @Optional() @IsIn(LANGUAGES) language?: CodeLanguage;
  /** Text of a JavaScript module with SQL functions. */
  @Optional() @Sql() functions?: string;
  /** The file's text, where `up` was made of it by putting values in. */
  @Optional() @Sql() source?: string;
  /** What ssh-keygen or minisign made over the migration's statement: the whole file. */
  @Optional() @Text(MAX_SIGNATURE) signature?: string;
}

const DEVIATIONS: readonly Deviation[] = ["edited", "out-of-order", "missing"];

/** A decision that a migration may differ from what the ledger expects. */
export class AcceptanceRequest {
  @IsIn(DEVIATIONS) deviation!: Deviation;
  @Text(1000) reason!: string;
  /** With `edited`: the migration as its files have it now. */
  @Optional() @Nested(() => MigrationRequest) migration?: MigrationRequest;
}

/** Migrations to register: all of them, or none. */
export class RegisterMigrationsRequest {
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @ListOf(() => MigrationRequest)
  migrations!: MigrationRequest[];
}
