import { createHash, hash, type Hash as NodeHash } from "node:crypto";
import type { Digest, Sha256 } from "../../domain/shared/digest.ts";
import { TextSlab } from "./text-slab.ts";

/** Parts up to this many bytes in all are joined here and hashed in one call. */
const JOIN_BYTES = 64 * 1024;

/** SHA-256 and encodings from Node. */
export class NodeDigest implements Digest {
  readonly sha256: Sha256 = sha256;
  readonly #slab = new TextSlab();

  ofBytes(...parts: readonly Uint8Array[]): string {
    const whole = join(parts);
    return `sha256:${whole === undefined ? inPieces(parts).digest("hex") : hash("sha256", whole, "hex")}`;
  }

  saltedText(salt: Uint8Array, text: string): { bytes: Uint8Array; digest: string } {
    const { whole, bytes } = this.#slab.write(salt, text);
    return { bytes, digest: `sha256:${hash("sha256", whole, "hex")}` };
  }

  prefixedText(prefix: Uint8Array, text: string): { bytes: Uint8Array; hash: Uint8Array } {
    const { whole, bytes } = this.#slab.write(prefix, text);
    return { bytes, hash: hashOf(whole) };
  }

  ofText(text: string): string {
    return `sha256:${hash("sha256", text, "hex")}`;
  }

  utf8(text: string): Uint8Array {
    return Buffer.from(text, "utf8");
  }

  text(bytes: Uint8Array): string {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }

  base64(bytes: Uint8Array): string {
    return asBuffer(bytes).toString("base64");
  }

  fromBase64(text: string): Uint8Array | undefined {
    const bytes = Buffer.from(text, "base64");
    return bytes.toString("base64") === text ? bytes : undefined;
  }

  hex(bytes: Uint8Array): string {
    return asBuffer(bytes).toString("hex");
  }

  fromHex(text: string): Uint8Array {
    return Buffer.from(text, "hex");
  }
}

const joined = Buffer.allocUnsafeSlow(JOIN_BYTES);

/** Beginnings of `joined` by their length: the nodes of a tree are 65 bytes. */
const short = Array.from({ length: 128 }, (_, length) => joined.subarray(0, length));

/**
 * The form matters, appending hashes three times an event (measured): a hash object costs more
 * than copying small parts together, and a result as text that is copied into Node's buffer pool
 * less than a buffer of its own outside the heap.
 */
const sha256: Sha256 = (...parts) => {
  const whole = join(parts);
  if (whole === undefined) return inPieces(parts).digest();
  return hashOf(whole);
};

const hashOf = (whole: Uint8Array): Uint8Array =>
  Buffer.from(hash("sha256", whole, "binary"), "binary");

/** The parts in one piece, valid until the next call; undefined when they are too long. */
function join(parts: readonly Uint8Array[]): Uint8Array | undefined {
  if (parts.length === 1) return parts[0];
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > JOIN_BYTES) return undefined;
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return length < short.length ? short[length] : joined.subarray(0, length);
}

function inPieces(parts: readonly Uint8Array[]): NodeHash {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
