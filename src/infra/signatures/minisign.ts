import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { Malformed, strictBase64 } from "./ssh-wire.ts";

/** A public key of minisign: algorithm, key id, Ed25519 key. */
export interface MinisignKey {
  readonly id: string;
  readonly fingerprint: string;
  readonly key: KeyObject;
}

const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const UNTRUSTED = "untrusted comment:";
const TRUSTED = "trusted comment: ";

/** The line of the public key, or the file of two lines. Undefined if it is neither. */
export function minisignKeyOf(text: string): MinisignKey | undefined {
  const lines = text.trim().split(/\r?\n/);
  const line = lines.length === 2 && lines[0]!.startsWith(UNTRUSTED) ? lines[1]! : text.trim();
  const bytes = strictBase64(line);
  if (bytes?.length !== 42 || bytes.toString("latin1", 0, 2) !== "Ed") return undefined;
  const spki = Buffer.concat([SPKI_HEAD, bytes.subarray(10)]);
  return {
    id: idOf(bytes),
    fingerprint: `minisign:${createHash("sha256").update(bytes).digest("base64").replaceAll("=", "")}`,
    key: createPublicKey({ key: spki, format: "der", type: "spki" }),
  };
}

export const isMinisignSignature = (text: string): boolean => text.startsWith(UNTRUSTED);

/** A signature file, taken apart. */
export interface MinisignSignature {
  readonly keyId: string;
  /** True if the key made the signature over the text, and its trusted comment. */
  isBy(key: MinisignKey, text: string): boolean;
}

/** Error: Malformed. */
export function minisignSignature(file: string): MinisignSignature {
  const [untrusted = "", first = "", trusted = "", second = "", ...more] = file
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const head = strictBase64(first);
  const whole = strictBase64(second);
  const isFile = untrusted.startsWith(UNTRUSTED) && trusted.startsWith(TRUSTED);
  if (!isFile || head?.length !== 74 || whole?.length !== 64 || more.length > 0)
    throw new Malformed("it is no signature file of minisign");
  const algorithm = head.toString("latin1", 0, 2);
  if (algorithm === "Ed")
    throw new Malformed("it is of minisign's old form: sign without -l, prehashed");
  if (algorithm !== "ED") throw new Malformed("its algorithm is not minisign's");
  const signature = head.subarray(10);
  const comment = Buffer.from(trusted.slice(TRUSTED.length), "utf8");
  return {
    keyId: idOf(head),
    isBy: ({ key }, text) => {
      const hash = createHash("blake2b512").update(text, "utf8").digest();
      const isOfText = verify(null, hash, key, signature);
      return isOfText && verify(null, Buffer.concat([signature, comment]), key, whole);
    },
  };
}

/** As minisign prints it: the eight bytes as a number, little end first. */
const idOf = (bytes: Buffer): string =>
  Buffer.from(bytes.subarray(2, 10)).reverse().toString("hex").toUpperCase();
