import { ED25519_COSIGNATURE, keyIdOf, verifierKeyText } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { CosigningKey } from "../../domain/witness/witness.ts";
import { Ed25519Signer } from "../signing/ed25519-signer.ts";

/** A witness's key: as a log's, but under the type of cosignatures. */
export class FileCosigningKey implements CosigningKey {
  readonly name: string;
  readonly keyId: Uint8Array;
  readonly verifierKey: string;
  readonly #signer: Ed25519Signer;

  constructor(signer: Ed25519Signer, digest: Digest) {
    const { name, publicKey } = signer;
    const type = ED25519_COSIGNATURE;
    this.name = name;
    this.keyId = keyIdOf(digest, name, type, publicKey);
    this.verifierKey = verifierKeyText(digest, { name, id: this.keyId, type, publicKey });
    this.#signer = signer;
  }

  /** The key in the file, made when there is none. Errors: those of `Ed25519Signer.load`. */
  static async load(file: string, name: string, digest: Digest): Promise<FileCosigningKey> {
    return new FileCosigningKey(await Ed25519Signer.load(file, name), digest);
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign(message);
  }
}
