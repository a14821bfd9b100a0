import { timingSafeEqual } from "node:crypto";
import type { Request } from "express";
import type { KeyState } from "../../domain/state/state.ts";
import type { ActorNames } from "../../domain/service/actor-names.ts";
import type { Pseudonyms } from "../../domain/service/pseudonyms.ts";
import type { TokenIssuer } from "../../domain/service/token-issuer.ts";
import type { Context } from "../../domain/shared/actor.ts";
import type { Clock } from "../../domain/shared/clock.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Unauthenticated } from "../../domain/shared/errors.ts";
import { Forbidden } from "../problem.ts";
import { hasExpired, type KeyIndex } from "./key-index.ts";
import { permits, type Permission } from "./permissions.ts";
import type { Principal } from "./principal.ts";

const BEARER = /^Bearer +([\w.~+/=-]{1,8192})$/i;
/** Three parts of base64url: what identity providers issue; API keys have no dots. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const MAX_USER_AGENT = 256;
const CONTROL = /\p{Cc}/gu;
const hint = "Send `Authorization: Bearer <token>` with a valid API key";

export interface AuthenticatorParts {
  readonly keys: KeyIndex;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly pseudonyms: Pseudonyms;
  readonly actors: ActorNames;
  /** Absent: only API keys are known. */
  readonly issuer?: TokenIssuer;
}

/** Finds out who is behind a bearer token: an API key, or a token of the identity provider. */
export class Authenticator {
  readonly #parts: AuthenticatorParts;

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** Errors: Unauthenticated token-…; Unavailable issuer-unreachable. */
  async authenticate(request: Request): Promise<Principal> {
    const header = request.headers.authorization;
    if (header === undefined)
      throw new Unauthenticated("token-missing", "The request has no bearer token", { hint });
    const token = BEARER.exec(header)?.[1];
    if (token === undefined)
      throw new Unauthenticated("token-malformed", "The authorization is not a bearer token", {
        hint,
      });
    const { issuer } = this.#parts;
    if (issuer !== undefined && JWT.test(token)) return this.#verified(issuer, token);
    return this.#keyOf(token);
  }

  #keyOf(token: string): Principal {
    const { keys, digest, clock } = this.#parts;
    const tokenHash = digest.ofText(token);
    const key = keys.byTokenHash(tokenHash);
    if (key === undefined || !equal(key.tokenHash, tokenHash))
      throw new Unauthenticated("token-unknown", "The bearer token is not known", { hint });
    refuseEnded(key, clock.now());
    return {
      actor: { id: key.actorId, kind: key.actorKind },
      authn: { method: "api-key", keyId: key.id },
      roles: key.roles,
      databases: key.databases,
    };
  }

  async #verified(issuer: TokenIssuer, token: string): Promise<Principal> {
    const { pseudonyms, actors } = this.#parts;
    const { issuer: named, subject, name, roles, claims } = await issuer.verify(token);
    const id = pseudonyms.of("oidc", named, subject);
    if (actors.find(id) === undefined) await actors.introduce(id, { name, kind: "user" });
    return {
      actor: { id, kind: "user" },
      authn: { method: "oidc" },
      roles,
      databases: null,
      identity: { issuer: named, claims },
    };
  }
}

function refuseEnded(key: KeyState, now: string): void {
  if (key.revoked !== null)
    throw new Unauthenticated("token-revoked", "The bearer token was revoked", { hint });
  if (hasExpired(key, now))
    throw new Unauthenticated("token-expired", "The bearer token has expired", {
      hint: "Ask an administrator for another key",
    });
}

/** Throws Forbidden unless a role gives the permission. */
export function authorize({ roles }: Principal, permission: Permission): void {
  if (!permits(roles, permission)) throw new Forbidden(permission, roles);
}

/** Who asks, how they proved it and from where. */
export function contextOf(
  request: Request,
  { actor, authn }: Pick<Principal, "actor" | "authn">,
  requestId: string,
): Context {
  const ip = request.socket.remoteAddress;
  const userAgent = cleanUserAgent(request.headers["user-agent"]);
  return {
    actor,
    authn,
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
