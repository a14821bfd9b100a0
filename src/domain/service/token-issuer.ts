import type { Role } from "./events.ts";

/** What a verified token of an identity provider says of its bearer. */
export interface Claims {
  readonly issuer: string;
  readonly subject: string;
  /** For people: never enters the ledger. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** All that the token says. */
  readonly claims: { readonly [claim: string]: unknown };
}

/** Verifies bearer tokens that an identity provider issued. */
export interface TokenIssuer {
  /**
   * Errors: `Unauthenticated` token-invalid | token-expired | token-without-role; `Unavailable`
   * issuer-unreachable.
   */
  verify(token: string): Promise<Claims>;
}
