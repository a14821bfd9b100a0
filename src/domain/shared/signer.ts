/** Signs checkpoints. The private key never enters the ledger. */
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
