/** One signing key of the ledger. The private half never enters the ledger. */
export interface Signer {
  /** Key name of the signed note; equals the ledger's origin. */
  readonly name: string;
  /** `name+hexid+base64(type || public key)`, as in C2SP signed-note. */
  readonly verifierKey: string;
  /** First four bytes of SHA-256(name || 0x0A || type || public key). */
  readonly keyId: Uint8Array;
  /** Ed25519 signature (64 bytes) over the text, computed off the event loop. */
  sign(text: Uint8Array): Promise<Uint8Array>;
}

/**
 * The keys that sign the ledger's checkpoints: one, or while keys are being rotated the new one and
 * those before it, so that whoever knows one of them can check every checkpoint.
 */
export interface Signers {
  /** Equals the ledger's origin. */
  readonly name: string;
  /** Those that sign now, the newest first. Resolves once it is known which they are. */
  active(): Promise<readonly Signer[]>;
}

/** A single key that signs alone. */
export const signsAlone = (signer: Signer): Signers => ({
  name: signer.name,
  active: () => Promise.resolve([signer]),
});
