import Sqlite from "better-sqlite3";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import { leafHash, push, rootOf, same } from "../../domain/ledger/merkle.ts";
import { dataHash } from "../../domain/ledger/payload.ts";
import { parseVerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";

/** Events that are hashed before others get their turn. */
const CHUNK = 500;
/** A ledger that is broken throughout is not listed event by event. */
const MAX_FINDINGS = 100;

export interface LedgerFinding {
  /** Stable kebab-case. */
  readonly code: string;
  readonly message: string;
  /** Index of the event concerned. */
  readonly index?: number;
}

export interface LedgerVerification {
  readonly ok: boolean;
  /** Events found. */
  readonly size: number;
  /** Base64 root of the Merkle tree over the leaves as they are. */
  readonly root: string;
  readonly checkedEvents: number;
  /** Payloads that were erased: their leaves are checked, they themselves cannot be. */
  readonly erasedPayloads: number;
  readonly findings: readonly LedgerFinding[];
}

interface Row {
  readonly index: number;
  readonly leaf: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly payload: string | null;
  readonly [column: string]: unknown;
}

interface Signed {
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

/** Columns that repeat members of the leaf. */
const COPIES: readonly (readonly [member: string, column: string])[] = [
  ["index", "index"],
  ["id", "id"],
  ["stream", "stream"],
  ["stream_pos", "streamVersion"],
  ["type", "type"],
  ["v", "v"],
  ["time", "time"],
  ["actor", "actor"],
  ["actor_kind", "actorKind"],
  ["correlation", "correlation"],
  ["causation", "causation"],
];

const EVENTS = `SELECT idx AS "index", id, stream, stream_pos AS streamVersion, type, v, time, actor,
  actor_kind AS actorKind, correlation, causation, leaf, leaf_hash AS leafHash, salt, data AS payload
  FROM event WHERE idx >= ? ORDER BY idx LIMIT ${CHUNK}`;

/**
 * Hashes a whole ledger file again, over a connection of its own that cannot write: every leaf
 * against its hash, its columns and its payload; places gapless; every signed checkpoint against
 * the tree as it is; every content against its digest.
 */
export class SqliteLedgerVerifier {
  readonly #file: string;
  readonly #verifierKey: string;
  readonly #digest: Digest;

  constructor(file: string, verifierKey: string, digest: Digest) {
    this.#file = file;
    this.#verifierKey = verifierKey;
    this.#digest = digest;
  }

  async verify(): Promise<LedgerVerification> {
    const db = new Sqlite(this.#file, { readonly: true, fileMustExist: true });
    try {
      return await new Pass(db, this.#verifierKey, this.#digest).run();
    } finally {
      db.close();
    }
  }
}

/** One verification. */
class Pass {
  readonly #db: Sqlite.Database;
  readonly #verifierKey: string;
  readonly #digest: Digest;
  readonly #findings: LedgerFinding[] = [];
  readonly #frontier: Hash[] = [];
  readonly #places = new Map<string, number>();
  /** The next index, and how many leaves were hashed: the same unless events are missing. */
  #size = 0;
  #leaves = 0;
  #erased = 0;

  constructor(db: Sqlite.Database, verifierKey: string, digest: Digest) {
    this.#db = db;
    this.#verifierKey = verifierKey;
    this.#digest = digest;
  }

  async run(): Promise<LedgerVerification> {
    const signed = new Map(this.#checkpoints().map((checkpoint) => [checkpoint.size, checkpoint]));
    const statement = this.#db.prepare(EVENTS);
    for (;;) {
      const rows = statement.all(this.#size) as Row[];
      for (const row of rows) this.#event(row, signed);
      if (rows.length < CHUNK) break;
      await nextTurn();
    }
    for (const { size } of signed.values())
      this.#find("checkpoint-ahead", `A checkpoint was signed at ${size}, but events are missing`);
    await this.#contents();
    const root = this.#digest.base64(rootOf(this.#digest.sha256, this.#frontier));
    return {
      ok: this.#findings.length === 0,
      size: this.#size,
      root,
      checkedEvents: this.#leaves,
      erasedPayloads: this.#erased,
      findings: this.#findings,
    };
  }

  #checkpoints(): Signed[] {
    return this.#db.prepare("SELECT size, root, note FROM checkpoint").all() as Signed[];
  }

  #event(row: Row, signed: Map<number, Signed>): void {
    const { index } = row;
    if (index !== this.#size) this.#find("index-gap", `Event ${this.#size} is missing`, index);
    const hash = leafHash(this.#digest.sha256, row.leaf);
    if (!same(hash, row.leafHash)) this.#find("leaf-hash", "Its leaf has another hash", index);
    this.#envelope(row);
    push(this.#digest.sha256, this.#frontier, this.#leaves, hash);
    this.#leaves += 1;
    this.#size = index + 1;
    const checkpoint = signed.get(this.#size);
    if (checkpoint !== undefined) this.#checkpoint(checkpoint);
    signed.delete(this.#size);
  }

  #envelope(row: Row): void {
    const envelope = parse(this.#digest, row.leaf);
    if (envelope === undefined)
      return this.#find("leaf-malformed", "Its leaf is no JSON", row.index);
    for (const [member, column] of COPIES)
      if (envelope[member] !== row[column])
        this.#find("column-differs", `Its column ${column} differs from its leaf`, row.index);
    const place = this.#places.get(String(envelope["stream"])) ?? 0;
    if (envelope["stream_pos"] !== place)
      this.#find("stream-gap", "It is not the next of its stream", row.index);
    this.#places.set(String(envelope["stream"]), place + 1);
    this.#payload(row, envelope["data_hash"]);
  }

  #payload({ index, salt, payload }: Row, expected: unknown): void {
    if (salt === null || payload === null) {
      this.#erased += 1;
      return;
    }
    if (dataHash(this.#digest, salt, this.#digest.utf8(payload)) !== expected)
      this.#find("payload-hash", "Its payload is not the one its leaf was made of", index);
  }

  #checkpoint(checkpoint: Signed): void {
    const root = rootOf(this.#digest.sha256, this.#frontier);
    if (!same(root, checkpoint.root))
      this.#find("root-differs", `The tree is not the one signed at ${checkpoint.size}`);
    try {
      const key = parseVerifierKey(this.#digest, this.#verifierKey);
      const head = openCheckpoint(this.#digest, checkpoint.note, key, checkEd25519);
      if (head.size !== checkpoint.size || !same(head.root, root))
        this.#find("checkpoint-differs", `The note at ${checkpoint.size} signs another tree`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#find("checkpoint-signature", `The checkpoint at ${checkpoint.size}: ${why}`);
    }
  }

  async #contents(): Promise<void> {
    const page = this.#db.prepare(
      "SELECT digest, text FROM content WHERE digest > ? ORDER BY digest LIMIT 50",
    );
    for (let after = ""; ; await nextTurn()) {
      const rows = page.all(after) as { readonly digest: string; readonly text: string }[];
      for (const { digest, text } of rows)
        if (this.#digest.ofText(text) !== digest)
          this.#find("content-differs", `The content ${digest} has another digest`);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.digest;
    }
  }

  #find(code: string, message: string, index?: number): void {
    if (this.#findings.length >= MAX_FINDINGS) return;
    const where = index === undefined ? message : `Event ${index}: ${message}`;
    this.#findings.push({ code, message: where, ...(index === undefined ? {} : { index }) });
  }
}

function parse(
  digest: Digest,
  leaf: Uint8Array,
): { readonly [member: string]: unknown } | undefined {
  try {
    return JSON.parse(digest.text(leaf)) as { readonly [member: string]: unknown };
  } catch {
    // Reported by the caller: the leaf is malformed.
    return undefined;
  }
}
