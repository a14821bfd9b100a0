import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsIn, ValidateIf } from "class-validator";
import type { ToolName } from "../../domain/adoption/history-table.ts";
import { TOOL_NAMES } from "../../domain/adoption/tools/tools.ts";
import { FreeText, ListOf, Names, Nested, Optional, Text, Version } from "./decorators.ts";
import { MigrationRequest } from "./register-migrations.request.ts";
import { MAX_REASON } from "./run.request.ts";

/** The tool's own checksum of a file. */
export class ToolChecksumRequest {
  @Text(50) algorithm!: string;
  /** First that of the text as it is; then those of the same text with other line ends. */
  @Names(10) values!: string[];
}

/** A migration in the words of its tool. */
export class OriginRequest {
  /** Null: the tool gives none. */
  @ValidateIf((_, value) => value !== null)
  @Text(1000)
  version!: string | null;
  @Text(1000) name!: string;
  @Optional() @Nested(() => ToolChecksumRequest) checksum?: ToolChecksumRequest;
}

/** A migration with the files it was read from. */
export class FileMigrationRequest extends MigrationRequest {
  /** Paths in their folder, that of the up script first. */
  @Names(10) files!: string[];
  @Optional() @Nested(() => OriginRequest) origin?: OriginRequest;
}

const TOOLS: readonly (ToolName | "auto")[] = ["auto", ...TOOL_NAMES];

/** What somebody says of a version that the history leaves open. */
export class DecisionRequest {
  @Version() version!: string;
  @IsIn(["applied", "not-applied"]) as!: "applied" | "not-applied";
}

/** Another tool's history to take over. */
export class AdoptionRequest {
  /** Default: whichever the database's tables show. */
  @Optional() @IsIn(TOOLS) tool?: ToolName | "auto";
  /** The tool's table, where it was configured otherwise. */
  @Optional() @Text(255) table?: string;
  /** The folder of the tool's files, on the service's machine, below a root. */
  @Optional() @Text(4096) migrationsDir?: string;
  /** How that folder is read. Default: recognised. */
  @Optional() @Text(50) format?: string;
  /** Instead of `migrationsDir`: the files. */
  @Optional()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @ListOf(() => FileMigrationRequest)
  migrations?: FileMigrationRequest[];
  @Optional()
  @ArrayMaxSize(1000)
  @ListOf(() => DecisionRequest)
  decisions?: DecisionRequest[];
  /** A lock that the tool left behind is nobody's. */
  @Optional() @IsBoolean() confirmUnlocked?: boolean;
  /** Needed with decisions and `confirmUnlocked`. */
  @Optional() @FreeText(MAX_REASON) reason?: string;
  /** Say what would be recorded, and record nothing. */
  @Optional() @IsBoolean() dryRun?: boolean;
}
