import { createHash } from "node:crypto";
import type { Signature } from "../../domain/trust/signatures.ts";
import { sshKeyOf, type SshKey } from "./ssh-key.ts";
import { Malformed, SshReader, sshString, strictBase64 } from "./ssh-wire.ts";

const MAGIC = "SSHSIG";
const VERSION = 1;
const HASHES: ReadonlySet<string> = new Set(["sha256", "sha512"]);
const ARMOR =
  /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+?)\r?\n-----END SSH SIGNATURE-----$/;

export const isSshSignature = (text: string): boolean =>
  text.trimStart().startsWith("-----BEGIN SSH SIGNATURE-----");

/** The key that made the signature. Error: Malformed, also if the signature is wrong. */
export function sshSigner({ signature, text, namespace }: Signature): SshKey {
  const armored = ARMOR.exec(signature.trim())?.[1];
  const blob = armored === undefined ? undefined : strictBase64(armored.replace(/[\r\n]/g, ""));
  if (blob === undefined) throw new Malformed("it is no armored SSH signature");
  const reader = new SshReader(blob);
  if (reader.take(MAGIC.length).toString("latin1") !== MAGIC)
    throw new Malformed("it does not begin as one");
  if (reader.uint32() !== VERSION) throw new Malformed("its version is not 1");
  const key = sshKeyOf(reader.string());
  const made = reader.text();
  const reserved = reader.string();
  const hash = reader.text();
  const signed = reader.string();
  reader.end();
  if (made !== namespace)
    throw new Malformed(
      `it was made for ${JSON.stringify(made.slice(0, 60))}, not for ${JSON.stringify(namespace)}`,
    );
  if (!HASHES.has(hash)) throw new Malformed("its hash is neither sha256 nor sha512");
  const data = Buffer.concat([
    Buffer.from(MAGIC, "latin1"),
    sshString(namespace),
    sshString(reserved),
    sshString(hash),
    sshString(createHash(hash).update(text, "utf8").digest()),
  ]);
  if (!key.verify(data, signed)) throw new Malformed("it was made over something else");
  return key;
}
