import {
  createPublicKey,
  createPrivateKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { link, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Digest } from "../../domain/shared/digest.ts";
import { InvalidInput, Unavailable } from "../../domain/shared/errors.ts";
import type { Signer } from "../../domain/shared/signer.ts";
import type { CheckSignature } from "../../domain/ledger/note.ts";
import { ED25519, isKeyName, keyIdOf, verifierKeyText } from "../../domain/ledger/verifier-key.ts";
import { NodeDigest } from "./node-digest.ts";

const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** Signs checkpoints with an Ed25519 key that lives in a file of mode 0600 (PKCS #8, PEM). */
export class Ed25519Signer implements Signer {
  readonly name: string;
  readonly verifierKey: string;
  readonly keyId: Uint8Array;
  /** The raw public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(name: string, key: KeyObject, digest: Digest = new NodeDigest()) {
    if (!isKeyName(name)) {
      throw new InvalidInput("invalid-key-name", `${JSON.stringify(name)} cannot name a key`, {
        hint: "Use a name like ledger.example/prod, without white space or plus signs",
      });
    }
    const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
    this.name = name;
    this.publicKey = publicKey;
    this.keyId = keyIdOf(digest, name, ED25519, publicKey);
    this.verifierKey = verifierKeyText(digest, { name, id: this.keyId, type: ED25519, publicKey });
    this.#key = key;
  }

  /**
   * The signer whose key is in `file`; the key is made when there is no such file. Throws
   * Unavailable, code key-file-exposed | key-file-unreadable.
   */
  static async load(file: string, name: string): Promise<Ed25519Signer> {
    const pem = (await readKey(file)) ?? (await createKey(file));
    return new Ed25519Signer(name, parseKey(file, pem));
  }

  /** As `load`; undefined when there is no such file. */
  static async find(file: string, name: string): Promise<Ed25519Signer | undefined> {
    const pem = await readKey(file);
    return pem === undefined ? undefined : new Ed25519Signer(name, parseKey(file, pem));
  }

  /** The signer of a 32-byte seed. */
  static fromSeed(name: string, seed: Uint8Array): Ed25519Signer {
    const der = Buffer.concat([PKCS8_HEAD, seed]);
    return new Ed25519Signer(name, createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  }

  async sign(text: Uint8Array): Promise<Uint8Array> {
    return await new Promise((resolve, reject) => {
      sign(null, text, this.#key, (error, signature) => {
        if (error === null) resolve(signature);
        else reject(error);
      });
    });
  }
}

/** Checks an Ed25519 signature with a raw public key. */
export const checkEd25519: CheckSignature = (publicKey, message, signature) => {
  const der = Buffer.concat([SPKI_HEAD, publicKey]);
  return verify(
    null,
    message,
    createPublicKey({ key: der, format: "der", type: "spki" }),
    signature,
  );
};

async function readKey(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0 && process.platform !== "win32") throw exposed(file);
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Writes a new key beside its place, syncs it, and links it there: the file is whole or absent,
 * and of two processes that start at once both end with the key of the first.
 */
async function createKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const temporary = `${file}.${randomUUID()}.new`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(pem);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await readFile(file, "utf8");
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(file));
  return pem;
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
  throw unreadable(file, "it holds no Ed25519 key");
}

const exposed = (file: string): Unavailable =>
  new Unavailable("key-file-exposed", `The signing key ${file} can be read by others`, {
    hint: `Run chmod 600 ${file}, and consider the key as known to them`,
  });

const unreadable = (file: string, why: string): Unavailable =>
  new Unavailable("key-file-unreadable", `The signing key ${file} cannot be used: ${why}`, {
    hint: "Bring the key file back from its own backup; a new key cannot continue this ledger",
  });
