import { InvalidInput, Refused } from "../shared/errors.ts";
import type { Identity, Signer, TrustedIdentity, TrustPolicy, TrustVerdict } from "./policy.ts";
import type { Signature, Signatures } from "./signatures.ts";

/** What speaks for a migration. */
export interface Evidence extends Omit<Signature, "signature"> {
  readonly signature?: string | undefined;
  readonly identity?: Identity | undefined;
}

/** The times at which a signer must count: when it was registered, and now. */
export interface When {
  readonly registered: string;
  readonly now: string;
}

/**
 * Why the policy takes it. Errors, each `Refused`: signature-missing | signature-invalid |
 * signer-unknown | signer-revoked | signer-expired.
 */
export function judge(
  { signers = [], identities = [] }: TrustPolicy,
  evidence: Evidence,
  when: When,
  signatures: Signatures,
): TrustVerdict {
  const known = identities.find((one) => matches(one, evidence.identity));
  if (known !== undefined) return verdictOf(known, evidence.identity!);
  const { signature, text, namespace } = evidence;
  if (signature === undefined) throw missing(signers, identities);
  const signer = signerOf(signers, { signature, text, namespace }, signatures);
  refuseEnded(signer, when);
  const { format, fingerprint: key } = signatures.keyOf(signer.key)!;
  return { by: "signature", signer: signer.name, format, key };
}

/** Whoever signed it. Errors: `Refused` signature-invalid | signer-unknown. */
export function signerOf<S extends Signer>(
  signers: readonly S[],
  signature: Signature,
  signatures: Signatures,
): S {
  const checked = signatures.check(
    signature,
    signers.map(({ key }) => key),
  );
  switch (checked.outcome) {
    case "valid":
      return signers.find(
        ({ key }) => signatures.keyOf(key)?.fingerprint === checked.key.fingerprint,
      )!;
    case "unknown-key":
      throw new Refused(
        "signer-unknown",
        `No trusted signer has the key ${checked.key.fingerprint}`,
        {
          hint: "Sign with a key of the policy, or let an administrator add this one to it",
          details: { key: checked.key.fingerprint },
        },
      );
    case "invalid":
      throw invalidSignature(checked.why);
  }
}

export const invalidSignature = (why: string): Refused =>
  new Refused("signature-invalid", `The signature is not valid: ${why}`, {
    hint: "Sign exactly the text that the documentation of signatures names (docs/reference/trust.md)",
  });

/** Error: `Refused` signer-revoked | signer-expired. */
export function refuseEnded(
  { name, from, until, revokedAt }: Signer,
  { registered, now }: When,
): void {
  if (revokedAt !== undefined && !isBefore(now, revokedAt))
    throw new Refused("signer-revoked", `The key of signer ${name} was revoked`, {
      hint: "Sign with another key of the policy",
    });
  const early = from !== undefined && isBefore(registered, from);
  if (early || (until !== undefined && !isBefore(registered, until)))
    throw new Refused(
      "signer-expired",
      `Signatures of ${name} are not taken ${early ? "yet" : "any more"}`,
      {
        hint: "Sign with another key of the policy, or let an administrator extend its time",
      },
    );
}

const isBefore = (a: string, b: string): boolean => Date.parse(a) < Date.parse(b);

function missing(signers: readonly Signer[], identities: readonly TrustedIdentity[]): Refused {
  const ways = [
    ...(signers.length === 0 ? [] : ["Sign it with a key of the policy"]),
    ...(identities.length === 0 ? [] : ["Let the pipeline of the policy register it"]),
  ];
  return new Refused(
    "signature-missing",
    "The policy takes no migrations that nobody vouches for",
    {
      hint: ways.join("; or: "),
    },
  );
}

function matches({ issuer, claims }: TrustedIdentity, identity: Identity | undefined): boolean {
  if (identity?.issuer !== issuer) return false;
  return Object.entries(claims).every(([claim, value]) =>
    [ownOf(identity, claim)].flat().some((one) => one === value),
  );
}

const ownOf = ({ claims }: Identity, claim: string): unknown =>
  Object.hasOwn(claims, claim) ? claims[claim] : undefined;

const MAX_CLAIM = 500;

function verdictOf(known: TrustedIdentity, identity: Identity): TrustVerdict {
  const { name, issuer, claims, record = [] } = known;
  const more = record.flatMap((claim) => {
    const value = ownOf(identity, claim);
    const isPlain = ["string", "number", "boolean"].includes(typeof value);
    return isPlain ? [[claim, String(value).slice(0, MAX_CLAIM)]] : [];
  });
  return {
    by: "identity",
    identity: name,
    issuer,
    claims: { ...(Object.fromEntries(more) as { [claim: string]: string }), ...claims },
  };
}

/**
 * Refuses a policy that cannot be meant. Errors: `InvalidInput` signer-key-invalid |
 * trust-policy-invalid.
 */
export function checkTrust(
  { signers = [], identities = [] }: TrustPolicy,
  signatures: Signatures,
): void {
  if (signers.length + identities.length === 0)
    throw senseless("It names nobody: nothing could be registered any more");
  for (const names of [signers, identities].map((list) => list.map(({ name }) => name)))
    if (new Set(names).size < names.length) throw senseless("Two entries have the same name");
  checkSigners(signers, signatures);
  if (identities.some(({ claims }) => Object.keys(claims).length === 0))
    throw senseless("An identity without claims would be everybody's");
}

/** Errors: as `checkTrust`. */
export function checkSigners(signers: readonly Signer[], signatures: Signatures): void {
  const keys = new Set<string>();
  for (const { name, key } of signers) {
    const known = signatures.keyOf(key);
    if (known === undefined)
      throw new InvalidInput("signer-key-invalid", `The key of ${name} is not understood`, {
        hint: "Give one line: ssh-ed25519 …, ssh-rsa … (2048 bits or more), ecdsa-sha2-nistp256 …, or minisign's public key (RW…)",
      });
    // A key revoked under one name must not count under another.
    if (keys.has(known.fingerprint)) throw senseless(`The key of ${name} is listed twice`);
    keys.add(known.fingerprint);
  }
}

const senseless = (why: string): InvalidInput =>
  new InvalidInput(
    "trust-policy-invalid",
    `The policy's list of who is trusted cannot be meant: ${why}`,
    {
      hint: "Correct it; null takes the demand away",
    },
  );
