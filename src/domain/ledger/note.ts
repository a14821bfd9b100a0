import type { Digest } from "../shared/digest.ts";
import { InvalidInput } from "../shared/errors.ts";
import { same } from "./merkle.ts";
import { ED25519, isKeyName, type VerifierKey } from "./verifier-key.ts";

/** Checks an Ed25519 signature; passed in, the domain has no cryptography. */
export type CheckSignature = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

export interface NoteSignature {
  readonly name: string;
  readonly keyId: Uint8Array;
  /** What follows the key id: 64 bytes of Ed25519, or 8 bytes of time and 64 of Ed25519. */
  readonly signature: Uint8Array;
}

export interface OpenedNote {
  /** With its final newline. */
  readonly text: string;
  /** The signatures that were checked and are right. */
  readonly verified: readonly NoteSignature[];
}

const MAX_LINES = 100;
const LINE = /^— ([^\s+]+) (\S+)$/u;

/** One signature line of a C2SP signed note, with its newline. */
export function signatureLine(digest: Digest, signature: NoteSignature): string {
  if (!isKeyName(signature.name)) {
    throw new InvalidInput("invalid-key-name", "A key name has no white space and no plus sign");
  }
  const bytes = new Uint8Array(4 + signature.signature.length);
  bytes.set(signature.keyId);
  bytes.set(signature.signature, 4);
  return `— ${signature.name} ${digest.base64(bytes)}\n`;
}

/** A note: its text (ending in a newline), a blank line, signature lines. */
export const noteOf = (text: string, lines: readonly string[]): string =>
  `${text}\n${lines.join("")}`;

/** What a witness signs over a checkpoint text (tlog-cosignature v1). */
export const cosignedMessage = (seconds: number, text: string): string =>
  `cosignature/v1\ntime ${seconds}\n${text}`;

/** The signature bytes of a cosignature: POSIX seconds, big-endian, then Ed25519. */
export function cosignatureBytes(seconds: number, signature: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + signature.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(seconds));
  bytes.set(signature, 8);
  return bytes;
}

/**
 * Reads a note and checks its signatures. Lines of unknown keys are ignored; one bad signature of
 * a known key refuses the whole note, as does no known key at all. Throws InvalidInput, code
 * malformed-note | bad-signature | unknown-signer.
 */
export function openNote(
  digest: Digest,
  note: string,
  keys: readonly VerifierKey[],
  check: CheckSignature,
): OpenedNote {
  const { text, signatures } = parseNote(digest, note);
  const verified = signatures.filter((signature) => {
    const key = keys.find((k) => k.name === signature.name && same(k.id, signature.keyId));
    if (key === undefined) return false;
    if (!isRight(digest, key, text, signature.signature, check)) {
      throw new InvalidInput("bad-signature", `The signature of ${key.name} is wrong`);
    }
    return true;
  });
  if (verified.length === 0) {
    throw new InvalidInput("unknown-signer", "No known key signed the note", {
      hint: "Check that the verifier key belongs to this ledger",
    });
  }
  return { text, verified };
}

/** The text and the signature lines of a note, unchecked. Throws InvalidInput, malformed-note. */
export function parseNote(
  digest: Digest,
  note: string,
): { readonly text: string; readonly signatures: readonly NoteSignature[] } {
  if (hasControls(note)) throw malformed("it has control characters");
  if (!note.endsWith("\n")) throw malformed("its last newline is missing");
  const blank = note.lastIndexOf("\n\n");
  if (blank < 0) throw malformed("no blank line separates text and signatures");
  const lines = note.slice(blank + 2, -1).split("\n");
  if (lines.length > MAX_LINES) throw malformed(`it has more than ${MAX_LINES} signatures`);
  return {
    text: note.slice(0, blank + 1),
    signatures: lines.map((line) => parseLine(digest, line)),
  };
}

function hasControls(note: string): boolean {
  for (const character of note) if (character < " " && character !== "\n") return true;
  return false;
}

function parseLine(digest: Digest, line: string): NoteSignature {
  const match = LINE.exec(line);
  if (match === null) throw malformed("a signature line has another form");
  const bytes = digest.fromBase64(match[2]!);
  if (bytes === undefined || bytes.length < 5) throw malformed("a signature is not base64");
  return { name: match[1]!, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}

function isRight(
  digest: Digest,
  key: VerifierKey,
  text: string,
  signature: Uint8Array,
  check: CheckSignature,
): boolean {
  if (key.type === ED25519) {
    return signature.length === 64 && check(key.publicKey, digest.utf8(text), signature);
  }
  if (signature.length !== 72) return false;
  const seconds = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  const message = digest.utf8(cosignedMessage(Number(seconds), text));
  return check(key.publicKey, message, signature.slice(8));
}

const malformed = (fault: string): InvalidInput =>
  new InvalidInput("malformed-note", `The signed note is malformed: ${fault}`);
