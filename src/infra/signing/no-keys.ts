import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import type { Signer } from "../../domain/shared/signer.ts";
import type { Keyring } from "./keyring.ts";

/** What a keyring is to others. */
export type AnyKeyring = Pick<
  Keyring,
  "name" | "verifierKeys" | "firstVerifierKey" | "active" | "use" | "release" | "create" | "destroy"
>;

/** In place of a keyring where nothing is ever signed: it knows what checks signatures. */
export class NoKeys implements AnyKeyring {
  readonly name: string;
  readonly #digest: Digest;
  readonly #texts: () => readonly string[];

  /** `verifierKeys`: those that the ledger names. */
  constructor(name: string, digest: Digest, verifierKeys: () => readonly string[]) {
    this.name = name;
    this.#digest = digest;
    this.#texts = verifierKeys;
  }

  get verifierKeys(): readonly VerifierKey[] {
    return this.#texts().map((text) => parseVerifierKey(this.#digest, text));
  }

  get firstVerifierKey(): string {
    return this.#texts()[0]!;
  }

  active(): Promise<readonly Signer[]> {
    return Promise.reject(none());
  }

  use(): void {
    // Which keys sign is of no interest to who never does.
  }

  release(): void {
    // Nobody waits.
  }

  create(): Promise<string> {
    return Promise.reject(none());
  }

  destroy(): Promise<void> {
    return Promise.reject(none());
  }
}

const none = (): Unavailable =>
  new Unavailable("signing-keys-unknown", "There is no signing key in this process", {
    hint: "Ask the service that writes the ledger",
  });
