import { X509Certificate } from "node:crypto";
import type { Digest } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { TimestampAddress } from "./anchors-file.ts";
import { timestampRequest } from "./timestamp-request.ts";

const TIMEOUT_MS = 15_000;
const MAX_ANSWER = 1 << 20;
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

/** A time stamp that was checked. */
export interface Timestamp {
  /** The answer as it came, DER: `openssl ts -verify` reads it. */
  readonly response: Uint8Array;
  /** RFC 3339: when the authority saw the digest. */
  readonly time: string;
}

/**
 * Asks a time stamping authority (RFC 3161) to stamp a text, and checks the answer: status, digest,
 * nonce, signature by the certificate that was given, its purpose, its time, its issuers. Errors:
 * Unavailable timestamp-unreachable, timestamp-wrong.
 */
export async function requestTimestamp(
  authority: TimestampAddress,
  text: Uint8Array,
  digest: Digest,
): Promise<Timestamp> {
  const { der, nonce } = timestampRequest(digest.sha256(text));
  const response = await ask(authority.url, der);
  const time = await checkTimestamp(authority.certificates, text, response, nonce);
  return { response, time };
}

/** When an answer was made, if it is right. `nonce` undefined: not compared. */
export async function checkTimestamp(
  certificates: string,
  text: Uint8Array,
  response: Uint8Array,
  nonce?: Uint8Array,
): Promise<string> {
  // Loaded when it is needed: most ledgers have no authority.
  const { ASN1Obj, RFC3161Timestamp } = await import("@sigstore/core");
  const [own, ...issuers] = certificatesIn(certificates);
  if (own === undefined) throw wrong("no certificate was given");
  try {
    const token = RFC3161Timestamp.parse(Buffer.from(response));
    token.verify(Buffer.from(text), own.publicKey);
    const { genTime, raw } = token.tstInfo;
    requireValid(own, issuers, genTime);
    if (nonce !== undefined)
      requireNonce(ASN1Obj.parseBuffer(Buffer.from(Uint8Array.from(raw))).subs, nonce);
    return genTime.toISOString();
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function requireValid(own: X509Certificate, issuers: readonly X509Certificate[], at: Date): void {
  if (own.keyUsage?.includes(TIME_STAMPING) !== true)
    throw wrong("its certificate is not made for time stamps");
  let present = own;
  for (const certificate of [own, ...issuers])
    if (at < new Date(certificate.validFrom) || at > new Date(certificate.validTo))
      throw wrong(`the certificate ${certificate.subject} was not valid at ${at.toISOString()}`);
  for (const issuer of issuers) {
    if (!present.checkIssued(issuer) || !present.verify(issuer.publicKey) || !issuer.ca)
      throw wrong(`${issuer.subject} has not issued ${present.subject}`);
    present = issuer;
  }
}

/** The only INTEGER of eight bytes behind the serial number. */
function requireNonce(
  members: readonly {
    readonly tag: { isInteger?: () => boolean; readonly number: number };
    readonly value: Uint8Array;
  }[],
  nonce: Uint8Array,
): void {
  const [, , , , , ...optional] = members;
  const found = optional.some(
    ({ tag, value }) => tag.number === 2 && Buffer.from(value).equals(Buffer.from(nonce)),
  );
  if (!found) throw wrong("it does not repeat the nonce: it is the answer to another request");
}

const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

async function ask(url: string, body: Uint8Array): Promise<Uint8Array> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: Uint8Array.from(body),
      headers: { "Content-Type": "application/timestamp-query" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: "error",
    });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > MAX_ANSWER) throw new Error("its answer is too large");
    return bytes;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Unavailable(
      "timestamp-unreachable",
      `${new URL(url).host} gave no time stamp: ${why}`,
      {
        hint: "Look at its address in the anchors file; the ledger goes on without it",
      },
    );
  }
}

const wrong = (why: string): Unavailable =>
  new Unavailable("timestamp-wrong", `The time stamp is not right: ${why}`, {
    hint: "Check the certificates of the authority in the anchors file",
  });
