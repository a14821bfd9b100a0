import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Matches,
  Max,
  Min,
} from "class-validator";
import { STATEMENT_CLASSES, type StatementClass } from "../../domain/trust/sql-limits.ts";
import { ListOf, Optional, Text, TextMap, Time } from "./decorators.ts";

const MAX_ENTRIES = 200;
const MAX_STATEMENTS = 1_000_000;
const MAX_BYTES = 64 << 20;
/** A public key of RSA with 16384 bits and its comment fit. */
const MAX_KEY = 4096;
const CLAIM = /^[\w.:/-]{1,100}$/;

/** Whoever holds the private half of a key. */
export class SignerRequest {
  @Text(200) name!: string;
  /** One line: an SSH public key (`ssh-ed25519 …`), or minisign's (`RW…`). */
  @Text(MAX_KEY) key!: string;
  @Optional() @Time() from?: string;
  @Optional() @Time() until?: string;
  /** From then on the key counts for nothing, also for what is registered already. */
  @Optional() @Time() revokedAt?: string;
}

/** A pipeline, by what its token of the identity provider says. */
export class TrustedIdentityRequest {
  @Text(200) name!: string;
  @Text(1000) issuer!: string;
  /** Claims that the token must have with exactly these values, or among their values. */
  @TextMap(20, CLAIM, 1000) claims!: { [claim: string]: string };
  /** Further claims whose values are recorded. */
  @Optional()
  @IsArray()
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsString({ each: true })
  @Matches(CLAIM, { each: true })
  record?: string[];
}

/** Whose migrations are taken: one of the signers, or one of the identities, must vouch for each. */
export class TrustRequest {
  @Optional() @ArrayMaxSize(MAX_ENTRIES) @ListOf(() => SignerRequest) signers?: SignerRequest[];
  @Optional()
  @ArrayMaxSize(MAX_ENTRIES)
  @ListOf(() => TrustedIdentityRequest)
  identities?: TrustedIdentityRequest[];
}

export class ApproverRequest extends SignerRequest {
  /** The pseudonym of the only actor whose approvals it signs. */
  @Optional() @Matches(/^act_[0-9a-f]{32}$/) actor?: string;
}

/** Whose own signatures approvals may, or must, carry. */
export class ApprovalSignaturesRequest {
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ENTRIES)
  @ListOf(() => ApproverRequest)
  signers!: ApproverRequest[];
  @Optional() @IsBoolean() required?: boolean;
}

/** How much and what SQL a migration may have. */
export class SqlLimitsRequest {
  /** Of all its scripts together, in UTF-8. */
  @Optional() @IsInt() @Min(1) @Max(MAX_BYTES) bytes?: number;
  /** In each of its scripts. */
  @Optional() @IsInt() @Min(1) @Max(MAX_STATEMENTS) statements?: number;
  /** The only classes of statements that its up and down scripts may have. */
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(STATEMENT_CLASSES.length)
  @ArrayUnique()
  @IsIn(STATEMENT_CLASSES, { each: true })
  classes?: StatementClass[];
}
