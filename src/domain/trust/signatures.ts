/** `sshsig`: what `ssh-keygen -Y sign` writes; `minisign`: what `minisign -S` writes. */
export type SignatureFormat = "sshsig" | "minisign";

/** A public key, recognised. */
export interface SigningKey {
  readonly format: SignatureFormat;
  /** `SHA256:…` as `ssh-keygen -l` shows it; of minisign `minisign:` and the same over its key. */
  readonly fingerprint: string;
}

/** What became of a signature under some keys. */
export type Checked =
  | { readonly outcome: "valid"; readonly key: SigningKey }
  /** Made by none of the keys. */
  | { readonly outcome: "unknown-key"; readonly key: SigningKey }
  | { readonly outcome: "invalid"; readonly why: string };

/** Verifies detached signatures of people and pipelines. Pure; no key of its own. */
export interface Signatures {
  /** Undefined: the text is no public key that is understood. */
  keyOf(publicKey: string): SigningKey | undefined;
  /** Checks a signature over the UTF-8 bytes of `text` under the given public keys. */
  check(signature: Signature, publicKeys: readonly string[]): Checked;
}

export interface Signature {
  /** The file that the tool wrote. */
  readonly signature: string;
  /** What was signed. */
  readonly text: string;
  /** What the signature is for; ssh-keygen's `-n`. Minisign has none: the text itself says it. */
  readonly namespace: string;
}
