import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import type { Role } from "../../domain/service/events.ts";
import type { Claims, TokenIssuer } from "../../domain/service/token-issuer.ts";
import { Unauthenticated, Unavailable } from "../../domain/shared/errors.ts";

export interface OidcOptions {
  /** The issuer's URL, as its tokens name it. */
  readonly issuer: string;
  /** What tokens for this service must have as audience. */
  readonly audience: string;
  /** The claim that lists the bearer's roles or groups; dots lead into objects. */
  readonly rolesClaim: string;
  /** The issuer's word → role. Empty: the roles' own names. */
  readonly roles: { readonly [group: string]: Role };
}

const ROLES: readonly Role[] = ["auditor", "operator", "approver", "admin"];
/** Asymmetric only: a shared secret would let this service make tokens. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "EdDSA",
];
/** Clocks of issuer and service may differ by this, s. */
const SKEW = 60;
const TIMEOUT_MS = 5000;
/** After the issuer could not be asked, it is left alone for so long, ms: each try may take seconds. */
const COOL_DOWN_MS = 5000;
/** Tokens that say what they are and are not for access (RFC 8725, 3.11) are refused: logout, DPoP, events. */
const TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt"]);
const MAX_NAME = 200;
/** What has no place in a line of text: controls, and what turns the direction of reading. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/**
 * OpenID Connect (Discovery 1.0, RFC 7519, RFC 9068): tokens are verified with the keys that the
 * issuer publishes; a key that is not known yet is looked for at most every 30 s.
 */
export class OidcIssuer implements TokenIssuer {
  readonly #options: OidcOptions;
  readonly #now: () => number;
  #keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  /** Why it could not be asked last, and until when that is the answer. */
  #failure: { readonly error: Unavailable; readonly until: number } | undefined;

  /** `now` in ms, never going back. */
  constructor(options: OidcOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  async verify(token: string): Promise<Claims> {
    if (this.#failure !== undefined && this.#now() < this.#failure.until) throw this.#failure.error;
    const { issuer, audience } = this.#options;
    const keys = await this.#published();
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW,
        requiredClaims: ["sub", "exp"],
      });
      refuseOtherTypes(protectedHeader.typ);
      return this.#claims(payload);
    } catch (error) {
      throw this.#remembered(translated(error));
    }
  }

  /** A failure to ask is the answer to the next ones too, for a while. */
  #remembered(error: unknown): unknown {
    if (error instanceof Unavailable) this.#failure = { error, until: this.#now() + COOL_DOWN_MS };
    return error;
  }

  #claims(payload: JWTPayload): Claims {
    const roles = this.#rolesOf(payload);
    if (roles.length === 0)
      throw new Unauthenticated("token-without-role", "The token gives no role here", {
        hint: `Its claim ${this.#options.rolesClaim} must name one of the roles or mapped groups`,
      });
    const { sub: subject } = payload as { readonly sub?: unknown };
    if (typeof subject !== "string" || subject === "") throw invalid("its subject is not a text");
    // An address that the issuer has not verified could be anybody's.
    const email = payload["email_verified"] === false ? undefined : payload["email"];
    const names = [email, payload["preferred_username"], payload["name"], subject];
    const name = names.map(printable).find((one) => one !== "") ?? "unnamed";
    return { issuer: this.#options.issuer, subject, name, roles, claims: payload };
  }

  #rolesOf(payload: JWTPayload): Role[] {
    const { rolesClaim, roles } = this.#options;
    const value = rolesClaim
      .split(".")
      .reduce<unknown>((at, part) => (at as Partial<Record<string, unknown>>)?.[part], payload);
    const words = typeof value === "string" ? value.split(" ") : [value].flat();
    const mapped = Object.keys(roles).length > 0;
    const found = words.flatMap((word) => {
      if (typeof word !== "string") return [];
      if (mapped) return Object.hasOwn(roles, word) ? [roles[word]!] : [];
      return ROLES.filter((role) => role === word);
    });
    return [...new Set(found)];
  }

  /** Where the issuer's keys are: asked once, again after a failure. */
  async #published(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    this.#keys ??= discover(this.#options.issuer);
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined;
      throw this.#remembered(error);
    }
  }
}

async function discover(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: "error",
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { jwks_uri: keys, issuer: named } = (await response.json()) as {
      readonly jwks_uri?: unknown;
      readonly issuer?: unknown;
    };
    if (named !== issuer) throw new Error(`it calls itself ${String(named)}`);
    if (typeof keys !== "string") throw new Error("it names no keys");
    return createRemoteJWKSet(new URL(keys), { timeoutDuration: TIMEOUT_MS });
  } catch (error) {
    throw unreachable(error);
  }
}

function translated(error: unknown): unknown {
  if (error instanceof errors.JWTExpired)
    return new Unauthenticated("token-expired", "The bearer token has expired", {
      hint: "Ask the identity provider for a new one",
    });
  // The set of keys could not be fetched: nothing is said of the token.
  if (error instanceof errors.JWKSTimeout || error instanceof TypeError) return unreachable(error);
  if (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC")
    return unreachable(error);
  if (error instanceof errors.JOSEError) return invalid(error.message);
  return error;
}

const invalid = (why: string): Unauthenticated =>
  new Unauthenticated("token-invalid", `The bearer token is not valid: ${why}`, {
    hint: "Use a token of the configured issuer and audience, signed with its present keys",
  });

function refuseOtherTypes(type: string | undefined): void {
  const plain = type?.toLowerCase().replace(/^application\//, "");
  if (plain !== undefined && !TYPES.has(plain))
    throw invalid(`${printable(type)} is not a type of access tokens`);
}

/** As it may be shown in one line, wherever. */
const printable = (text: unknown): string =>
  typeof text === "string" ? text.replace(UNPRINTABLE, "").trim().slice(0, MAX_NAME) : "";

const unreachable = (error: unknown): Unavailable =>
  new Unavailable(
    "issuer-unreachable",
    `The identity provider cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
    { hint: "API keys work without it; try again when it answers" },
  );
