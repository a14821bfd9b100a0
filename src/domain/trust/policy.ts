/** Whose migrations are taken: a signature by one of the signers, or one of the identities, is enough. */
export interface TrustPolicy {
  readonly signers?: readonly Signer[];
  readonly identities?: readonly TrustedIdentity[];
}

/** Whoever holds the private half of a key. */
export interface Signer {
  /** For people, unique in the list. */
  readonly name: string;
  /** One line: an SSH public key, or minisign's. */
  readonly key: string;
  /** RFC 3339: signatures are taken from then on. Absent: always. */
  readonly from?: string;
  /** RFC 3339: they are not taken from then on. */
  readonly until?: string;
  /** RFC 3339: from then on the key counts for nothing, also for what is registered already. */
  readonly revokedAt?: string;
}

/** Signatures that approvals carry. */
export interface ApprovalSignatures {
  readonly signers: readonly Approver[];
  /** An approval without one is refused. */
  readonly required?: boolean;
}

export interface Approver extends Signer {
  /** The pseudonym of the only actor whose approvals it signs. Absent: of any. */
  readonly actor?: string;
}

/** A pipeline, by what its token says. */
export interface TrustedIdentity {
  /** For people, unique in the list. */
  readonly name: string;
  /** The token's issuer, exactly. */
  readonly issuer: string;
  /** Claims that the token must have with exactly these values, or among their values. */
  readonly claims: { readonly [claim: string]: string };
  /** Further claims whose values are recorded: a commit, a number of a build. */
  readonly record?: readonly string[];
}

/** Who registers, as their identity provider says it. */
export interface Identity {
  readonly issuer: string;
  readonly claims: { readonly [claim: string]: unknown };
}

/** Why a migration was taken. */
export type TrustVerdict =
  | {
      readonly by: "signature";
      readonly signer: string;
      readonly format: "sshsig" | "minisign";
      /** The key's fingerprint. */
      readonly key: string;
    }
  | {
      readonly by: "identity";
      readonly identity: string;
      readonly issuer: string;
      /** What the policy asks for, and what it says is to be recorded. */
      readonly claims: { readonly [claim: string]: string };
    };
