import type { Policy } from "../database/events.ts";
import type { Context } from "../shared/actor.ts";
import { Refused } from "../shared/errors.ts";
import type { Signatures } from "../trust/signatures.ts";
import { APPROVAL_NAMESPACE, approvalStatement, type ApprovalToSign } from "../trust/statements.ts";
import { refuseEnded, signerOf } from "../trust/trust.ts";
import type { ApprovalSignature } from "./events.ts";

/**
 * Refuses who cannot be told from another: a key without owner may be anybody's second one. Error:
 * `Refused` approver-not-known.
 */
export function refuseUnknown({ approvers }: Policy, { actor, authn }: Context): void {
  const isKnown = approvers === "provider" ? authn.method === "oidc" : actor.kind === "user";
  if (approvers === undefined || isKnown) return;
  throw new Refused("approver-not-known", "The policy wants to know which person approves", {
    hint:
      approvers === "provider"
        ? "Approve with a token of the identity provider"
        : "Approve with a key that was issued with an owner, or with a token of the identity provider",
  });
}

export interface ToApprove extends ApprovalToSign {
  readonly signature?: string | undefined;
}

/**
 * The approver's own signature as it is recorded; undefined where there is none. Errors: `Refused`
 * signature-missing | signature-invalid | signer-unknown | signer-revoked | signer-expired.
 */
export function verifiedSignature(
  { approvalSignatures }: Policy,
  { what, id, planDigest, signature: file }: ToApprove,
  actor: string,
  now: string,
  signatures: Signatures,
): ApprovalSignature | undefined {
  const { signers = [], required = false } = approvalSignatures ?? {};
  if (file === undefined) {
    if (!required) return undefined;
    throw new Refused("signature-missing", "The policy wants the approver's own signature", {
      hint: "schemaledger approve RUN --key FILE signs; docs/reference/trust.md has the text",
    });
  }
  const text = approvalStatement({ what, id, planDigest });
  const own = signers.filter((one) => one.actor === undefined || one.actor === actor);
  const signer = signerOf(
    own,
    { signature: file, text, namespace: APPROVAL_NAMESPACE },
    signatures,
  );
  refuseEnded(signer, { registered: now, now });
  const { format, fingerprint: key } = signatures.keyOf(signer.key)!;
  return { signer: signer.name, format, key, file };
}
