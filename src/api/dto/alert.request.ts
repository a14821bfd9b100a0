import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  Matches,
  Min,
} from "class-validator";
import type { TargetKind } from "../../domain/alerting/events.ts";
import { Clearable, Names, Optional, QueryInt, Text } from "./decorators.ts";

const KINDS: readonly TargetKind[] = ["webhook", "slack", "alertmanager", "mail"];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const SEVERITIES = ["critical", "warning"] as const;

/** A name that can stand in a path. */
const Name = (): PropertyDecorator =>
  Matches(NAME, {
    message: "$property must be 1 to 100 letters, digits, dots, dashes or underscores",
  });

/** A place where alerts are sent from now on. */
export class AlertTargetRequest {
  @Name() name!: string;
  @IsIn(KINDS) kind!: TargetKind;
  /** `https:`; for mail `smtp:` or `smtps:`, host and port. */
  @Text(2000) url!: string;
  /** webhook: the secret that signs, `whsec_` and base64. Absent: one is made, and shown this once. */
  @Optional() @Text(200) secret?: string;
  /** alertmanager: the header Authorization as it is sent, `Bearer …` or `Basic …`. */
  @Optional() @Text(4000) authorization?: string;
  /** mail: the sender. */
  @Optional() @Text(320) from?: string;
  /** mail: the recipients. */
  @Optional() @Names(50) to?: string[];
  /** mail: for the server, if it wants one. */
  @Optional() @Text(320) username?: string;
  @Optional() @Text(1000) password?: string;
  /** `critical`: those alone; `warning`: all, as without it. */
  @Optional() @IsIn(SEVERITIES) severity?: "critical" | "warning";
  /** Codes of the alerts that it is told of. Absent: all. */
  @Optional() @Names(100) codes?: string[];
  /** Names or ids of databases. Absent: all, and the service itself. */
  @Optional() @Names(1000) databases?: string[];
  /** It may be at a private, loopback or link-local address, and without TLS. */
  @Optional() @IsBoolean() privateAddresses?: boolean;
}

/** The members of a target that are to change. Null takes a limit away. */
export class AlertTargetChange {
  @Optional() @Name() name?: string;
  @Optional() @Text(2000) url?: string;
  @Optional() @Text(4000) authorization?: string;
  @Optional() @Text(320) from?: string;
  @Optional() @Names(50) to?: string[];
  @Optional() @Text(320) username?: string;
  @Optional() @Text(1000) password?: string;
  @Clearable() @IsIn(SEVERITIES) severity?: "critical" | "warning" | null;
  @Clearable() @Names(100) codes?: string[] | null;
  @Clearable() @Names(1000) databases?: string[] | null;
  @Optional() @IsBoolean() privateAddresses?: boolean;
}

/** Another secret of a webhook. */
export class AlertSecretRequest {
  /** Both sign until the next change of the secret. Default: true. */
  @Optional() @IsBoolean() keepPrevious?: boolean;
}

/** Which dead letters are sent again; all of them if none is named. */
export class AlertReplayRequest {
  /** Event indexes of the alerts. */
  @Optional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @IsInt({ each: true })
  @Min(0, { each: true })
  alerts?: number[];
  @Optional() @Text(500) reason?: string;
}

/** Why a target is removed. */
export class AlertTargetRemovalQuery {
  @Optional() @Text(500) reason?: string;
}

/** Which alerts are listed. */
export class AlertQuery {
  @Optional() @QueryInt(1, 1000) limit?: number;
  /** The `next` of the page before. */
  @Optional() @Text(100) after?: string;
  /** Name or id of a database. */
  @Optional() @Text(255) database?: string;
  /** Those alone whose trouble lasts. */
  @Optional() @IsIn(["true", "false"]) open?: "true" | "false";
}
