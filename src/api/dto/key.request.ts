import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn } from "class-validator";
import type { Role } from "../../domain/service/events.ts";
import { Optional, Text } from "./decorators.ts";

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
}

/** Why a key is revoked. */
export class RevokeQuery {
  @Optional() @Text(500) reason?: string;
}
