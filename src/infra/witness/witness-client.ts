import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import { noteOf, openNote, parseNote } from "../../domain/ledger/note.ts";
import type { TransparencyLog } from "../../domain/ledger/transparency-log.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { addCheckpointBody } from "../../domain/witness/add-checkpoint.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";

const TIMEOUT_MS = 10_000;
/** A witness that is somewhere else than believed says where; it may move on meanwhile. */
const TRIES = 3;

/** A witness that is asked to cosign. */
export interface WitnessAddress {
  readonly name: string;
  readonly key: VerifierKey;
  readonly url: string;
}

/** Collects cosignatures of one witness. */
export class WitnessClient {
  readonly name: string;
  readonly #witness: WitnessAddress;
  readonly #digest: Digest;
  /** Where the witness is; it is asked when it says otherwise. */
  #size = 0;

  constructor(witness: WitnessAddress, digest: Digest) {
    this.name = witness.name;
    this.#witness = witness;
    this.#digest = digest;
  }

  /**
   * The witness's signature line under a checkpoint, checked. Errors: Unavailable
   * witness-unreachable, witness-answer-wrong, witness-refuses (it has seen another history).
   */
  async cosign(checkpoint: Checkpoint, log: TransparencyLog): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      const old = this.#size;
      if (old > checkpoint.size) throw this.#refused(`it has seen ${old} events`);
      const proof =
        old === 0 || old === checkpoint.size
          ? []
          : await log.consistencyProof(old, checkpoint.size);
      const body = addCheckpointBody(this.#digest, { old, proof, note: checkpoint.note });
      const answer = await this.#ask("/add-checkpoint", { method: "POST", body });
      if (answer.status === 200) {
        this.#size = checkpoint.size;
        return this.#checked(checkpoint, answer.text);
      }
      const size = Number(answer.text);
      if (answer.status !== 409 || tries === TRIES || !Number.isSafeInteger(size))
        throw answer.status === 422 || answer.status === 409
          ? this.#refused(answer.text.trim())
          : this.#wrong(`${answer.status} ${answer.text.trim().slice(0, 200)}`);
      this.#size = size;
    }
  }

  /** The newest checkpoint that the witness has of a log; undefined if it has none. */
  async newest(origin: string): Promise<string | undefined> {
    const name = this.#digest.hex(this.#digest.sha256(this.#digest.utf8(origin)));
    const { status, text } = await this.#ask(`/${name}/checkpoint`, { method: "GET" });
    if (status === 404) return undefined;
    if (status !== 200) throw this.#wrong(`${status}`);
    return text;
  }

  #checked(checkpoint: Checkpoint, lines: string): string {
    const { text } = parseNote(this.#digest, checkpoint.note);
    try {
      openNote(this.#digest, noteOf(text, [lines]), [this.#witness.key], checkEd25519);
    } catch (error) {
      if (error instanceof DomainError) throw this.#wrong(error.message);
      throw error;
    }
    return lines;
  }

  async #ask(
    path: string,
    request: { readonly method: string; readonly body?: string },
  ): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const url = this.#witness.url.replace(/\/$/, "") + path;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { ...request, signal, redirect: "error" });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Unavailable(
        "witness-unreachable",
        `The witness ${this.name} cannot be asked: ${why}`,
        {
          hint: "Look at its address in the anchors file; the ledger goes on without it",
        },
      );
    }
  }

  #wrong(why: string): Unavailable {
    return new Unavailable("witness-answer-wrong", `The witness ${this.name} answered: ${why}`, {
      hint: "Check its verifier key and that it knows this ledger's",
    });
  }

  #refused(why: string): Unavailable {
    return new Unavailable(
      "witness-refuses",
      `The witness ${this.name} refuses this ledger: ${why}`,
      {
        hint: "It has seen another history: see docs/guides/ledger-behind.md",
      },
    );
  }
}
