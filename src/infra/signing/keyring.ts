import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { parseVerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { Signer, Signers } from "../../domain/shared/signer.ts";
import { fsyncDirectory } from "../files/atomic-write.ts";
import { Ed25519Signer } from "./ed25519-signer.ts";

/** The key that a ledger is opened with, and those that came after it (`signing-<id>.pem`). */
const FIRST = "signing.pem";
const LATER = /^signing-[0-9a-f]{8}\.pem$/;

/**
 * The signing keys in a directory. Which of them sign is a fact of the ledger: nothing is signed
 * before `use` has said so.
 */
export class Keyring implements Signers {
  readonly name: string;
  readonly #directory: string;
  readonly #digest: Digest;
  readonly #signers: Map<string, Signer>;
  #using: readonly Signer[] = [];
  #started: () => void = () => {};
  #givenUp: (error: Error) => void = () => {};
  readonly #known = new Promise<void>((resolve, reject) => {
    this.#started = resolve;
    this.#givenUp = reject;
  });

  private constructor(directory: string, name: string, digest: Digest, signers: Signer[]) {
    this.#directory = directory;
    this.name = name;
    this.#digest = digest;
    this.#known.catch(() => {
      // Whoever asks for the keys is told.
    });
    this.#signers = new Map(signers.map((signer) => [signer.verifierKey, signer]));
  }

  /** The keys of a directory; the first is made when there is none. Errors: `Ed25519Signer.load`. */
  static async open(directory: string, name: string, digest: Digest): Promise<Keyring> {
    const later = (await readdir(directory)).filter((file) => LATER.test(file)).toSorted();
    const files = later.length > 0 ? later : [FIRST];
    if (later.length > 0 && (await readdir(directory)).includes(FIRST)) files.unshift(FIRST);
    const load = (file: string): Promise<Signer> => Ed25519Signer.load(join(directory, file), name);
    return new Keyring(directory, name, digest, await Promise.all(files.map(load)));
  }

  /** What checks a signature of ours: a key whose private half was here is trusted. */
  get verifierKeys(): readonly VerifierKey[] {
    return [...this.#signers.keys()].map((text) => parseVerifierKey(this.#digest, text));
  }

  /** The key that a new ledger is opened with. */
  get firstVerifierKey(): string {
    return [...this.#signers.keys()][0]!;
  }

  async active(): Promise<readonly Signer[]> {
    await this.#known;
    return this.#using;
  }

  /**
   * Signs with these keys from now on, the newest first. Error: Unavailable signing-key-missing.
   */
  use(verifierKeys: readonly string[]): void {
    this.#using = verifierKeys.map((key) => {
      const signer = this.#signers.get(key);
      if (signer !== undefined) return signer;
      throw new Unavailable("signing-key-missing", `The private half of ${key} is not there`, {
        hint: "Put the directory keys back from your backup of it",
      });
    });
    this.#started();
  }

  /** If it was not said which keys sign, it will not be: nobody waits for it any more. */
  release(): void {
    const message = "It is not known which keys sign: the ledger was closed before";
    this.#givenUp(new Unavailable("signing-keys-unknown", message));
  }

  /** Makes a key that does not sign yet; durable when it resolves. Gives its verifier key. */
  async create(): Promise<string> {
    const temporary = join(this.#directory, `new-${randomUUID()}.pem`);
    const made = await Ed25519Signer.load(temporary, this.name);
    await rename(temporary, this.#fileOf(made));
    await fsyncDirectory(this.#directory);
    this.#signers.set(made.verifierKey, made);
    return made.verifierKey;
  }

  /** Destroys the private half of a key that will never sign again. Repeatable. */
  async destroy(verifierKey: string): Promise<void> {
    const signer = this.#signers.get(verifierKey);
    if (signer === undefined) return;
    for (const file of [this.#fileOf(signer), join(this.#directory, FIRST)]) {
      const held = await Ed25519Signer.find(file, this.name);
      if (held?.verifierKey === verifierKey) await rm(file);
    }
    await fsyncDirectory(this.#directory);
    this.#signers.delete(verifierKey);
  }

  #fileOf({ keyId }: Signer): string {
    return join(this.#directory, `signing-${this.#digest.hex(keyId)}.pem`);
  }
}
