import type { Checked, Signature, Signatures, SigningKey } from "../../domain/trust/signatures.ts";
import {
  isMinisignSignature,
  minisignKeyOf,
  minisignSignature,
  type MinisignKey,
} from "./minisign.ts";
import { sshKeyOfLine } from "./ssh-key.ts";
import { isSshSignature, sshSigner } from "./sshsig.ts";
import { Malformed } from "./ssh-wire.ts";

/** Signatures of OpenSSH (SSHSIG) and minisign, verified with Node's cryptography. */
export class NodeSignatures implements Signatures {
  keyOf(publicKey: string): SigningKey | undefined {
    const ssh = sshKeyOfLine(publicKey);
    if (ssh !== undefined) return { format: "sshsig", fingerprint: ssh.fingerprint };
    const minisign = minisignKeyOf(publicKey);
    if (minisign === undefined) return undefined;
    return { format: "minisign", fingerprint: minisign.fingerprint };
  }

  check(signature: Signature, publicKeys: readonly string[]): Checked {
    try {
      if (isSshSignature(signature.signature)) return checkSsh(signature, publicKeys);
      if (isMinisignSignature(signature.signature)) return checkMinisign(signature, publicKeys);
      return { outcome: "invalid", why: "it is neither of ssh-keygen nor of minisign" };
    } catch (error) {
      if (error instanceof Malformed) return { outcome: "invalid", why: error.message };
      throw error;
    }
  }
}

function checkSsh(signature: Signature, publicKeys: readonly string[]): Checked {
  const { fingerprint } = sshSigner(signature);
  const isKnown = publicKeys.some((key) => sshKeyOfLine(key)?.fingerprint === fingerprint);
  return { outcome: isKnown ? "valid" : "unknown-key", key: { format: "sshsig", fingerprint } };
}

function checkMinisign({ signature, text }: Signature, publicKeys: readonly string[]): Checked {
  const file = minisignSignature(signature);
  // Ids are chosen by whoever makes a key: several may have one.
  const named = publicKeys
    .map(minisignKeyOf)
    .filter((key): key is MinisignKey => key?.id === file.keyId);
  if (named.length === 0)
    return {
      outcome: "unknown-key",
      key: { format: "minisign", fingerprint: `minisign key ${file.keyId}` },
    };
  const key = named.find((one) => file.isBy(one, text));
  if (key === undefined) return { outcome: "invalid", why: "it was made over something else" };
  return { outcome: "valid", key: { format: "minisign", fingerprint: key.fingerprint } };
}
