import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn } from "class-validator";
import type { Role } from "../../domain/service/events.ts";
import { Names, Optional, Text, Time } from "./decorators.ts";

const ROLES: readonly Role[] = ["auditor", "operator", "approver", "admin"];

/** An API key to issue. */
export class KeyRequest {
  @Text(100) name!: string;
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ROLES.length)
  @IsIn(ROLES, { each: true })
  roles!: Role[];
  /** Who holds it: keys of one owner act as one person. Never shown in the ledger's leaves. */
  @Optional() @Text(200) owner?: string;
  /** Names or ids of the databases that it is limited to. Absent: all, and the service itself. */
  @Optional() @Names(1000) databases?: string[];
  @Optional() @Time() expiresAt?: string;
}

/** Why a key is revoked. */
export class RevokeQuery {
  @Optional() @Text(500) reason?: string;
}
