import { textOf } from "./repository.ts";

interface SshVector {
  readonly key: string;
  readonly fingerprint: string;
  readonly signature: string;
}

/**
 * Made once with ssh-keygen (OpenSSH 9.2) and minisign (0.11) over `text`; the private halves are
 * not kept.
 */
interface SignatureVectors {
  readonly text: string;
  readonly namespace: string;
  readonly sshsig: { readonly [kind: string]: SshVector };
  readonly minisign: {
    readonly key: string;
    readonly other: string;
    readonly signature: string;
    /** Over the text itself instead of its hash. */
    readonly legacy: string;
  };
  /** By the key `ed25519`, for the namespace `file`. */
  readonly otherNamespace: string;
  readonly smallRsa: string;
}

export const signatureVectors = JSON.parse(
  textOf("test/fixtures/signatures.json"),
) as SignatureVectors;
