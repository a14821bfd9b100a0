import type { Role } from "../domain/service/events.ts";
import type { OidcOptions } from "../infra/identity/oidc-issuer.ts";

/** As flags or environment give it. */
export interface RawOidc {
  readonly oidcIssuer?: string | undefined;
  readonly oidcAudience?: string | undefined;
  readonly oidcRolesClaim?: string | undefined;
  /** `group=role`. */
  readonly oidcRoles?: readonly string[] | undefined;
}

type Invalid = (flag: string, why: string) => Error;

const ROLES: readonly string[] = ["auditor", "operator", "approver", "admin"] satisfies Role[];

/** Undefined without an issuer. Errors are made by `invalid`. */
export function oidcOf(raw: RawOidc, invalid: Invalid): OidcOptions | undefined {
  const { oidcIssuer: issuer, oidcAudience: audience, oidcRolesClaim = "roles" } = raw;
  if (issuer === undefined) {
    if (audience !== undefined) throw invalid("--oidc-audience", "needs --oidc-issuer");
    return undefined;
  }
  if (audience === undefined || audience === "")
    throw invalid("--oidc-audience", "is needed with --oidc-issuer");
  return {
    issuer: issuerOf(issuer, invalid),
    audience,
    rolesClaim: oidcRolesClaim,
    roles: rolesOf(raw.oidcRoles ?? [], invalid),
  };
}

/** Tokens and keys must not travel in the open, but for an issuer on this machine. */
function issuerOf(issuer: string, invalid: Invalid): string {
  const url = URL.parse(issuer);
  const local = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url === null || (url.protocol !== "https:" && !(url.protocol === "http:" && local)))
    throw invalid("--oidc-issuer", `${JSON.stringify(issuer)} is not an https URL`);
  return issuer;
}

function rolesOf(pairs: readonly string[], invalid: Invalid): { readonly [group: string]: Role } {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.lastIndexOf("=");
      const role = pair.slice(at + 1);
      if (at < 1 || !ROLES.includes(role))
        throw invalid("--oidc-role", `${JSON.stringify(pair)} is not group=role`);
      return [pair.slice(0, at), role as Role];
    }),
  );
}
