import { openCheckpoint, parseCheckpoint } from "../ledger/checkpoint.ts";
import type { LedgerHead } from "../ledger/ledger.ts";
import { same, verifyConsistency } from "../ledger/merkle.ts";
import {
  cosignatureBytes,
  cosignedMessage,
  parseNote,
  signatureLine,
  type CheckSignature,
} from "../ledger/note.ts";
import type { VerifierKey } from "../ledger/verifier-key.ts";
import type { Clock } from "../shared/clock.ts";
import type { Digest } from "../shared/digest.ts";
import { DomainError } from "../shared/errors.ts";
import { parseAddCheckpoint, type AddCheckpoint } from "./add-checkpoint.ts";

/** What a witness remembers. Everything is durable when it resolves. */
export interface WitnessStore {
  /** The newest checkpoint of a log that was cosigned; undefined if none was. */
  newest(origin: string): Promise<string | undefined>;
  /** Remembers a checkpoint, before anybody is told of it. */
  remember(origin: string, note: string): Promise<void>;
  /** Keeps what shows that a log has two histories. */
  keepEvidence(origin: string, evidence: string): Promise<void>;
}

/** The witness's own key, which signs with the time. */
export interface CosigningKey {
  readonly name: string;
  readonly keyId: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface WitnessParts {
  readonly store: WitnessStore;
  readonly key: CosigningKey;
  /** The keys of the logs that are witnessed. */
  readonly logs: readonly VerifierKey[];
  readonly digest: Digest;
  readonly clock: Clock;
  readonly check: CheckSignature;
}

/** An answer of the protocol; `size` tells the log where the witness is. */
export type WitnessAnswer =
  | { readonly status: 200; readonly lines: string }
  | { readonly status: 409; readonly size: number }
  | { readonly status: 400 | 403 | 404 | 422; readonly message: string };

/**
 * Cosigns checkpoints of logs, each only if it continues the one before. It never goes back, and
 * keeps the two notes when a log shows it two histories.
 */
export class Witness {
  readonly #parts: WitnessParts;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  /** One request of a log at a time: two could otherwise each find the state before the other. */
  async addCheckpoint(body: string): Promise<WitnessAnswer> {
    let request: AddCheckpoint;
    let origin: string;
    try {
      request = parseAddCheckpoint(this.#parts.digest, body);
      origin = parseCheckpoint(
        this.#parts.digest,
        parseNote(this.#parts.digest, request.note).text,
      ).origin;
    } catch (error) {
      if (error instanceof DomainError) return { status: 400, message: error.message };
      throw error;
    }
    const before = this.#turns.get(origin) ?? Promise.resolve();
    const turn = before.then(() => this.#decide(origin, request));
    this.#turns.set(
      origin,
      turn.catch(() => {
        // It is the asker's; the next one decides on what is stored.
      }),
    );
    return turn;
  }

  async #decide(origin: string, request: AddCheckpoint): Promise<WitnessAnswer> {
    const { digest, logs, check, store } = this.#parts;
    const keys = logs.filter(({ name }) => name === origin);
    if (keys.length === 0) return { status: 404, message: "This log is not witnessed here" };
    let head: LedgerHead;
    try {
      head = openCheckpoint(digest, request.note, keys, check);
    } catch (error) {
      if (error instanceof DomainError) return { status: 403, message: error.message };
      throw error;
    }
    if (request.old > head.size) return { status: 400, message: "The old size is above the new" };
    const note = await store.newest(origin);
    const known =
      note === undefined ? undefined : parseCheckpoint(digest, parseNote(digest, note).text);
    if (request.old !== (known?.size ?? 0)) return { status: 409, size: known?.size ?? 0 };
    const refusal = this.#refusal(request, head, known);
    if (refusal !== undefined) {
      if (note !== undefined)
        await store.keepEvidence(origin, evidence(digest, request, note, refusal));
      return { status: 422, message: refusal };
    }
    await store.remember(origin, request.note);
    return { status: 200, lines: await this.#cosign(request.note) };
  }

  #refusal(
    request: AddCheckpoint,
    head: LedgerHead,
    known: LedgerHead | undefined,
  ): string | undefined {
    if (known === undefined || known.size === 0)
      return request.proof.length === 0 ? undefined : "From nothing no proof is possible";
    if (known.size === head.size && !same(known.root, head.root))
      return "The log has signed two roots of the same size";
    const isRight = verifyConsistency(this.#parts.digest.sha256, known, head, request.proof);
    return isRight ? undefined : "The proof does not show that the log continues itself";
  }

  async #cosign(note: string): Promise<string> {
    const { digest, clock, key } = this.#parts;
    const seconds = Math.floor(Date.parse(clock.now()) / 1000);
    const message = digest.utf8(cosignedMessage(seconds, parseNote(digest, note).text));
    const signature = cosignatureBytes(seconds, await key.sign(message));
    return signatureLine(digest, { name: key.name, keyId: key.keyId, signature });
  }
}

/** The two notes, each signed by the log, and the proof that was offered between them. */
const evidence = (digest: Digest, request: AddCheckpoint, known: string, why: string): string =>
  `${why}\n\n--- cosigned before\n${known}\n--- offered\n${request.note}\n--- proof from ${request.old}\n` +
  request.proof.map((hash) => `${digest.base64(hash)}\n`).join("");
