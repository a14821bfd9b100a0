import { createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** A new secret in the form of Standard Webhooks. */
export const newWebhookSecret = (): string => PREFIX + randomBytes(32).toString("base64");

/** The key within a secret, or undefined if it is none: 24 to 64 bytes in base64, with or without prefix. */
export function webhookKey(secret: string): Buffer | undefined {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(text, "base64");
  const isWhole = key.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
  return isWhole && key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : undefined;
}

/**
 * The headers of Standard Webhooks over exactly this body: HMAC-SHA256 of id, time and body under
 * each of the secrets, so that a receiver can be given another secret without a gap.
 */
export function signatureHeaders(
  secrets: readonly string[],
  id: string,
  seconds: number,
  body: string,
): { readonly [name: string]: string } {
  const signed = `${id}.${seconds}.${body}`;
  const signatures = secrets.flatMap((secret) => {
    const key = webhookKey(secret);
    return key === undefined
      ? []
      : [`v1,${createHmac("sha256", key).update(signed).digest("base64")}`];
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": signatures.join(" "),
  };
}
