import { timingSafeEqual } from "node:crypto";
import type { Request } from "express";
import type { Context } from "../../domain/shared/actor.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { KeyState } from "../../domain/state/state.ts";
import { Forbidden, Unauthenticated } from "../problem.ts";
import type { KeyIndex } from "./key-index.ts";
import { permits, type Permission } from "./permissions.ts";

const BEARER = /^Bearer +([\w.~+/=-]{1,512})$/i;
const MAX_USER_AGENT = 256;
const CONTROL = /\p{Cc}/gu;

/** The key behind the request's bearer token. Throws Unauthenticated. */
export function authenticate(request: Request, keys: KeyIndex, digest: Digest): KeyState {
  const header = request.headers.authorization;
  if (header === undefined)
    throw new Unauthenticated("token-missing", "The request has no bearer token");
  const token = BEARER.exec(header)?.[1];
  if (token === undefined)
    throw new Unauthenticated("token-malformed", "The authorization is not a bearer token");
  const tokenHash = digest.ofText(token);
  const key = keys.byTokenHash(tokenHash);
  if (key === undefined || !equal(key.tokenHash, tokenHash))
    throw new Unauthenticated("token-unknown", "The bearer token is not known");
  if (key.revoked !== null)
    throw new Unauthenticated("token-revoked", "The bearer token was revoked");
  return key;
}

/** Throws Forbidden unless a role of the key gives the permission. */
export function authorize(key: KeyState, permission: Permission): void {
  if (!permits(key.roles, permission)) throw new Forbidden(permission, key.roles);
}

/** Who asks, how they proved it and from where. */
export function contextOf(request: Request, key: KeyState, requestId: string): Context {
  const ip = request.socket.remoteAddress;
  const userAgent = cleanUserAgent(request.headers["user-agent"]);
  return {
    actor: { id: key.actorId, kind: key.actorKind },
    authn: { method: "api-key", keyId: key.id },
    source: {
      ...(ip === undefined ? {} : { ip }),
      ...(userAgent === undefined ? {} : { userAgent }),
    },
    requestId,
  };
}

const cleanUserAgent = (text: string | undefined): string | undefined =>
  text?.replace(CONTROL, "").slice(0, MAX_USER_AGENT);

const equal = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
