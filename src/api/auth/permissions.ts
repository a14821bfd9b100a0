import type { Role } from "../../domain/service/events.ts";

/** What a route may demand of the key that calls it. */
export type Permission = "read" | "operate" | "approve" | "administer";

/** A route's access: a permission, or anybody (liveness and readiness only). */
export type Access = Permission | "public";

/** The whole authorization of the service: which role may do what. */
export const ROLE_PERMISSIONS: { readonly [R in Role]: readonly Permission[] } = {
  auditor: ["read"],
  operator: ["read", "operate"],
  approver: ["read", "approve"],
  admin: ["read", "operate", "approve", "administer"],
};

/** True if one of the roles gives the permission. */
export const permits = (roles: readonly Role[], permission: Permission): boolean =>
  roles.some((role) => ROLE_PERMISSIONS[role].includes(permission));
