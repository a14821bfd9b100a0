import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from "node:crypto";
import { bech32, fromBech32 } from "./bech32.ts";

/*
 * The file format of age (age-encryption.org/v1) with X25519 recipients, for contents of at most
 * one chunk (64 KiB): the standard tool opens what is written here, and the other way round.
 */

const INTRO = "age-encryption.org/v1";
const RECIPIENT_PREFIX = "age";
const IDENTITY_PREFIX = "age-secret-key-";
const FILE_KEY_BYTES = 16;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const CHUNK_BYTES = 1 << 16;
const HEADER_LIMIT = 1 << 16;

// What stands before the 32 bytes of an X25519 key in PKCS #8 and SPKI.
const PRIVATE_DER = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_DER = Buffer.from("302a300506032b656e032100", "hex");

/** The private half: opens what is encrypted to its recipient. */
export interface Identity {
  /** `age1…` */
  readonly recipient: string;
  readonly key: KeyObject;
}

export const isRecipient = (text: string): boolean =>
  fromBech32(RECIPIENT_PREFIX, text)?.length === KEY_BYTES && text === text.toLowerCase();

/** A fresh identity as its one secret line, `AGE-SECRET-KEY-1…`. */
export function newIdentityLine(): string {
  const der = generateKeyPairSync("x25519").privateKey.export({ format: "der", type: "pkcs8" });
  return bech32(IDENTITY_PREFIX, der.subarray(-KEY_BYTES)).toUpperCase();
}

/** Undefined if the line is no X25519 identity. */
export function parseIdentity(line: string): Identity | undefined {
  const secret = fromBech32(IDENTITY_PREFIX, line);
  if (secret?.length !== KEY_BYTES || line !== line.toUpperCase()) return undefined;
  const der = Buffer.concat([PRIVATE_DER, secret]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { recipient: bech32(RECIPIENT_PREFIX, publicBytes(key)), key };
}

/** Encrypts a short text to recipients; each of their identities opens it. */
export function encryptTo(recipients: readonly string[], content: Uint8Array): Buffer {
  if (content.length > CHUNK_BYTES) throw new RangeError("The content is too long");
  const fileKey = randomBytes(FILE_KEY_BYTES);
  const stanzas = recipients.map((recipient) => stanzaFor(recipient, fileKey));
  const head = `${INTRO}\n${stanzas.join("")}---`;
  const mac = headerMac(fileKey, head).toString("base64").replace(/=+$/, "");
  const nonce = randomBytes(FILE_KEY_BYTES);
  const cipher = createCipheriv("chacha20-poly1305", payloadKey(fileKey, nonce), LAST_CHUNK, {
    authTagLength: TAG_BYTES,
  });
  const sealed = [cipher.update(content), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat([Buffer.from(`${head} ${mac}\n`), nonce, ...sealed]);
}

/** Undefined if no identity is a recipient's. Throws on a file that is damaged. */
export function decryptWith(identities: readonly Identity[], file: Uint8Array): Buffer | undefined {
  const { head, stanzas, mac, payload } = parse(Buffer.from(file));
  const fileKey = fileKeyOf(identities, stanzas);
  if (fileKey === undefined) return undefined;
  if (!timingSafeEqual(headerMac(fileKey, head), mac)) throw damagedFile();
  const nonce = payload.subarray(0, FILE_KEY_BYTES);
  const sealed = payload.subarray(FILE_KEY_BYTES);
  if (sealed.length < TAG_BYTES || sealed.length > CHUNK_BYTES + TAG_BYTES) throw damagedFile();
  return unseal(payloadKey(fileKey, nonce), LAST_CHUNK, sealed);
}

/** Counter 0, and the mark of the last chunk. */
const LAST_CHUNK = Buffer.from("000000000000000000000001", "hex");
const NO_NONCE = Buffer.alloc(12);

interface Stanza {
  readonly share: Buffer;
  readonly wrapped: Buffer;
}

function stanzaFor(recipient: string, fileKey: Buffer): string {
  const theirs = fromBech32(RECIPIENT_PREFIX, recipient);
  if (theirs?.length !== KEY_BYTES) throw new RangeError("Not an age recipient");
  const own = generateKeyPairSync("x25519");
  const share = publicBytes(own.privateKey);
  const key = wrapKey(own.privateKey, theirs, share, theirs);
  const cipher = createCipheriv("chacha20-poly1305", key, NO_NONCE, { authTagLength: TAG_BYTES });
  const wrapped = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return `-> X25519 ${base64(share)}\n${base64(wrapped)}\n`;
}

function fileKeyOf(
  identities: readonly Identity[],
  stanzas: readonly Stanza[],
): Buffer | undefined {
  for (const { key } of identities)
    for (const { share, wrapped } of stanzas) {
      try {
        return unseal(wrapKey(key, share, share, publicBytes(key)), NO_NONCE, wrapped);
      } catch {
        // Meant for another identity.
      }
    }
  return undefined;
}

function wrapKey(mine: KeyObject, theirs: Buffer, share: Buffer, recipient: Buffer): Buffer {
  const publicKey = createPublicKey({
    key: Buffer.concat([PUBLIC_DER, theirs]),
    format: "der",
    type: "spki",
  });
  const secret = diffieHellman({ privateKey: mine, publicKey });
  const salt = Buffer.concat([share, recipient]);
  return derive(secret, salt, "age-encryption.org/v1/X25519");
}

function unseal(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer {
  const end = sealed.length - TAG_BYTES;
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(end));
  const content = cipher.update(sealed.subarray(0, end));
  cipher.final();
  return content;
}

function parse(file: Buffer): {
  readonly head: string;
  readonly stanzas: readonly Stanza[];
  readonly mac: Buffer;
  readonly payload: Buffer;
} {
  const text = file.toString("latin1", 0, HEADER_LIMIT);
  const found = /^(age-encryption\.org\/v1\n[\s\S]*?\n---) ([A-Za-z0-9+/]{43})\n/.exec(text);
  if (found === null) throw damagedFile();
  const [whole, head, mac] = found;
  const stanzas = [...head!.matchAll(/^-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})$/gm)].map(
    ([, share, wrapped]) => ({
      share: Buffer.from(share!, "base64"),
      wrapped: Buffer.from(wrapped!, "base64"),
    }),
  );
  const payload = file.subarray(whole.length);
  return { head: head!, stanzas, mac: Buffer.from(mac!, "base64"), payload };
}

const headerMac = (fileKey: Buffer, head: string): Buffer =>
  createHmac("sha256", derive(fileKey, Buffer.alloc(0), "header"))
    .update(head)
    .digest();

const payloadKey = (fileKey: Buffer, nonce: Buffer): Buffer => derive(fileKey, nonce, "payload");

const derive = (secret: Buffer, salt: Buffer, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, salt, info, KEY_BYTES));

const publicBytes = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES);

const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

const damagedFile = (): Error => new Error("Not an age file, or damaged");
