import { createHash, hash } from "node:crypto";
import type { Digest, Hash } from "../../domain/shared/digest.ts";

/** SHA-256 and encodings from Node. */
export class NodeDigest implements Digest {
  sha256(...parts: readonly Uint8Array[]): Hash {
    if (parts.length === 1) return hash("sha256", parts[0]!, "buffer");
    const sum = createHash("sha256");
    for (const part of parts) sum.update(part);
    return sum.digest();
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

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
