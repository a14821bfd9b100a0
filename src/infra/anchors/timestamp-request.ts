import { randomBytes } from "node:crypto";

/** A request for a time stamp and what its answer must repeat. */
export interface TimestampRequest {
  readonly der: Uint8Array;
  readonly nonce: Uint8Array;
}

const HEAD = Buffer.from("30430201013031300d060960864801650304020105000420", "hex");
const NONCE_HEAD = Buffer.from("0208", "hex");
const CERTIFICATES_PLEASE = Buffer.from("0101ff", "hex");

/** RFC 3161: a SHA-256 digest, a nonce of 8 bytes, and the certificate wanted in the answer. */
export function timestampRequest(sha256: Uint8Array): TimestampRequest {
  const nonce = randomBytes(8);
  // An INTEGER that is positive and has no superfluous zero in front.
  nonce[0] = (nonce[0]! & 0x7f) | 0x01;
  return { der: Buffer.concat([HEAD, sha256, NONCE_HEAD, nonce, CERTIFICATES_PLEASE]), nonce };
}
