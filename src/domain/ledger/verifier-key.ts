import type { Digest } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";
import { same } from "./merkle.ts";

/** Signature types of C2SP signed notes that are understood here. */
export const ED25519 = 0x01;
export const ED25519_COSIGNATURE = 0x04;
export type SignatureType = typeof ED25519 | typeof ED25519_COSIGNATURE;

/** The public half of a note signer. */
export interface VerifierKey {
  readonly name: string;
  /** First four bytes of SHA-256(name || 0x0A || type || public key). */
  readonly id: Uint8Array;
  readonly type: SignatureType;
  readonly publicKey: Uint8Array;
}

/** Whether a text can name a key: not empty, no white space, no `+`. */
export const isKeyName = (name: string): boolean => /^[^\s+]+$/u.test(name);

export function keyIdOf(
  digest: Digest,
  name: string,
  type: SignatureType,
  publicKey: Uint8Array,
): Uint8Array {
  return digest.sha256(digest.utf8(`${name}\n`), Uint8Array.of(type), publicKey).slice(0, 4);
}

/** `name+hexid+base64(type || public key)`. */
export function verifierKeyText(digest: Digest, key: VerifierKey): string {
  const typed = Uint8Array.of(key.type, ...key.publicKey);
  return `${key.name}+${digest.hex(key.id)}+${digest.base64(typed)}`;
}

/** The key of a verifier key text. Throws InvalidInput, code invalid-verifier-key. */
export function parseVerifierKey(digest: Digest, text: string): VerifierKey {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text);
  const bytes = match === null ? undefined : digest.fromBase64(match[3]!);
  if (match === null || bytes?.length !== 33) throw invalid(text, "is malformed");
  const name = match[1]!;
  const type = bytes[0];
  if (type !== ED25519 && type !== ED25519_COSIGNATURE) throw invalid(text, "has an unknown type");
  const publicKey = bytes.slice(1);
  const id = keyIdOf(digest, name, type, publicKey);
  if (!same(id, digest.fromHex(match[2]!))) throw invalid(text, "does not match its own id");
  return { name, id, type, publicKey };
}

const invalid = (text: string, fault: string): InvalidInput =>
  new InvalidInput("invalid-verifier-key", `The verifier key ${JSON.stringify(text)} ${fault}`, {
    hint: "Copy the whole line that GET /v1/ledger/vkey gives",
  });
