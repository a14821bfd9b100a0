import { createHash, createPublicKey, verify, type JsonWebKey, type KeyObject } from "node:crypto";
import { Malformed, SshReader, strictBase64 } from "./ssh-wire.ts";

/** An SSH public key (RFC 4253, 5656, 8709) that signatures are taken of. */
export interface SshKey {
  readonly fingerprint: string;
  /** True if `signature` (algorithm and bytes, as SSH writes them) is the key's over `data`. */
  verify(data: Uint8Array, signature: Uint8Array): boolean;
}

/** Smaller ones are broken, or nearly. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 16_384;

interface Curve {
  readonly crv: string;
  readonly hash: string;
  readonly bytes: number;
}

const CURVES: { readonly [type: string]: Curve & { readonly name: string } } = {
  "ecdsa-sha2-nistp256": { name: "nistp256", crv: "P-256", hash: "sha256", bytes: 32 },
  "ecdsa-sha2-nistp384": { name: "nistp384", crv: "P-384", hash: "sha384", bytes: 48 },
  "ecdsa-sha2-nistp521": { name: "nistp521", crv: "P-521", hash: "sha512", bytes: 66 },
};
/** SHA-1 (`ssh-rsa` as an algorithm of signatures) is left out: it can be forged. */
const RSA_HASHES: { readonly [algorithm: string]: string } = {
  "rsa-sha2-256": "sha256",
  "rsa-sha2-512": "sha512",
};

/** One line of `authorized_keys` without options: type, base64, comment. Undefined if it is not one. */
export function sshKeyOfLine(line: string): SshKey | undefined {
  const [type, base64, ...comment] = line.trim().split(/[ \t]+/);
  if (base64 === undefined || /[\r\n]/.test(comment.join(" "))) return undefined;
  const blob = strictBase64(base64);
  if (blob === undefined) return undefined;
  try {
    const reader = new SshReader(blob);
    if (reader.text() !== type) return undefined;
    return sshKeyOf(blob);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** Error: Malformed. */
export function sshKeyOf(blob: Uint8Array): SshKey {
  const reader = new SshReader(blob);
  const type = reader.text();
  const check = checkOf(type, reader);
  reader.end();
  return {
    fingerprint: sshFingerprint(blob),
    verify: (data, signature) => check(data, new SshReader(signature)),
  };
}

export const sshFingerprint = (blob: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replaceAll("=", "")}`;

type Check = (data: Uint8Array, signature: SshReader) => boolean;

function checkOf(type: string, reader: SshReader): Check {
  if (type === "ssh-ed25519") return ed25519(reader);
  if (type === "ssh-rsa") return rsa(reader);
  const curve = Object.hasOwn(CURVES, type) ? CURVES[type] : undefined;
  if (curve !== undefined) return ecdsa(type, curve, reader);
  throw new Malformed(`keys of type ${JSON.stringify(type.slice(0, 40))} are not supported`);
}

function ed25519(reader: SshReader): Check {
  const x = reader.string();
  if (x.length !== 32) throw new Malformed("an Ed25519 key has 32 bytes");
  const key = keyOf({ kty: "OKP", crv: "Ed25519", x: x.toString("base64url") });
  return (data, signature) => {
    const bytes = bytesOf(signature, ["ssh-ed25519"]).bytes;
    return bytes.length === 64 && verify(null, data, key, bytes);
  };
}

function rsa(reader: SshReader): Check {
  const e = reader.unsigned();
  const n = reader.unsigned();
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    throw new Malformed(`an RSA key of ${bits} bits is not taken`);
  const key = keyOf({ kty: "RSA", n: n.toString("base64url"), e: e.toString("base64url") });
  return (data, signature) => {
    const { algorithm, bytes } = bytesOf(signature, Object.keys(RSA_HASHES));
    // Some writers leave zeros in front out.
    const padded = Buffer.concat([Buffer.alloc(Math.max(0, n.length - bytes.length)), bytes]);
    return verify(RSA_HASHES[algorithm], data, key, padded);
  };
}

function ecdsa(type: string, curve: (typeof CURVES)[string], reader: SshReader): Check {
  if (reader.text() !== curve.name) throw new Malformed("the curve is not the type's");
  const point = reader.string();
  const { bytes: size, crv, hash } = curve;
  if (point[0] !== 4 || point.length !== 1 + 2 * size)
    throw new Malformed("the point is not written out");
  const x = point.subarray(1, 1 + size).toString("base64url");
  const y = point.subarray(1 + size).toString("base64url");
  const key = keyOf({ kty: "EC", crv, x, y });
  return (data, signature) => {
    const inner = new SshReader(bytesOf(signature, [type]).bytes);
    const [r, s] = [inner.unsigned(), inner.unsigned()];
    inner.end();
    if (r.length > size || s.length > size) return false;
    const pair = Buffer.alloc(2 * size);
    pair.set(r, size - r.length);
    pair.set(s, 2 * size - s.length);
    return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, pair);
  };
}

function bytesOf(
  signature: SshReader,
  algorithms: readonly string[],
): { readonly algorithm: string; readonly bytes: Buffer } {
  const algorithm = signature.text();
  if (!algorithms.includes(algorithm))
    throw new Malformed(`its algorithm ${JSON.stringify(algorithm.slice(0, 40))} is not taken`);
  const bytes = signature.string();
  signature.end();
  return { algorithm, bytes };
}

function keyOf(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    // OpenSSL says no more than that: a point beside the curve, a modulus of zero.
    throw new Malformed("the key's numbers make no key");
  }
}
