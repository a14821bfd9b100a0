import { setImmediate as turn } from "node:timers/promises";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import { jcs } from "../../domain/ledger/jcs.ts";
import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import { frontierLength, leafHash, push, rootOf, same } from "../../domain/ledger/merkle.ts";
import { dataHash } from "../../domain/ledger/payload.ts";
import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import type { Json } from "../../domain/shared/json.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import { openLedgerFile, type LedgerConnection } from "./ledger-connection.ts";
import { LedgerReader } from "./ledger-reader.ts";

/** Something in a ledger that is not as it must be. */
export interface LedgerFinding {
  /** Stable kebab-case, `leaf-hash-differs` for one. */
  readonly code: string;
  readonly message: string;
  /** The event concerned, if it is one. */
  readonly index?: number;
}

export interface LedgerVerification {
  readonly ok: boolean;
  readonly size: number;
  /** Recomputed from the stored leaves. */
  readonly root: Hash;
  readonly checkedEvents: number;
  /** Payloads that were erased: their leaves are checked, they themselves cannot be. */
  readonly erasedPayloads: number;
  /** At most 1,000; `ok` is false when there is any. */
  readonly findings: readonly LedgerFinding[];
}

/** What to verify against: whose signatures the stored checkpoints must bear. */
export interface VerifyOptions {
  readonly digest: Digest;
  readonly verifierKeys: readonly string[];
  /**
   * Whether SQLite checks its own structures, too (default true). That is one statement over the
   * whole file, during which the event loop stands still.
   */
  readonly wholeFile?: boolean;
  /** Kept outside of the file: the events must be those of this one, too. */
  readonly kept?: Checkpoint | undefined;
}

const CHUNK = 500;
const MAX_FINDINGS = 1000;

interface StoredRow {
  readonly idx: number;
  readonly id: string;
  readonly stream: string;
  readonly stream_pos: number;
  readonly type: string;
  readonly v: number;
  readonly time: string;
  readonly actor: string;
  readonly actor_kind: string;
  readonly correlation: string;
  readonly causation: string | null;
  readonly leaf: Uint8Array;
  readonly leaf_hash: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly data: string | null;
  readonly erased_at: string | null;
}

/** Columns that repeat members of the leaf. */
const SEARCH_COPY = [
  "id",
  "stream",
  "stream_pos",
  "type",
  "v",
  "time",
  "actor",
  "actor_kind",
  "correlation",
  "causation",
] as const;

/** Verifies a ledger file that nobody needs to have opened. Errors: those of `openLedgerFile`. */
export async function verifyLedgerFile(
  file: string,
  options: VerifyOptions,
): Promise<LedgerVerification> {
  const origin = parseVerifierKey(options.digest, options.verifierKeys[0]!).name;
  const db = openLedgerFile(file, { origin, readOnly: true });
  try {
    return await verifyLedger(db, options);
  } finally {
    db.close();
  }
}

/**
 * Re-hashes everything that is stored when it starts: leaves, payloads, contents, the tree, the
 * head and every signed checkpoint. Works in small pieces; the event loop turns between them.
 */
export async function verifyLedger(
  db: LedgerConnection,
  options: VerifyOptions,
): Promise<LedgerVerification> {
  return await new Verification(db, options).run();
}

class Verification {
  readonly #db: LedgerConnection;
  readonly #digest: Digest;
  readonly #keys: readonly VerifierKey[];
  readonly #reader: LedgerReader;
  readonly #findings: LedgerFinding[] = [];
  readonly #versions = new Map<string, number>();
  readonly #frontier: Hash[] = [];
  /** Roots at the sizes that were signed or written down. */
  readonly #roots = new Map<number, Hash | undefined>();
  readonly #wholeFile: boolean;
  readonly #kept: readonly Checkpoint[];
  #checked = 0;
  #erased = 0;

  constructor(db: LedgerConnection, { digest, verifierKeys, wholeFile, kept }: VerifyOptions) {
    this.#db = db;
    this.#digest = digest;
    this.#keys = verifierKeys.map((text) => parseVerifierKey(digest, text));
    this.#wholeFile = wholeFile ?? true;
    this.#kept = kept === undefined ? [] : [kept];
    this.#reader = new LedgerReader(db);
  }

  async run(): Promise<LedgerVerification> {
    // In this order: what another process appends meanwhile is then not missed anywhere.
    const checkpoints = [...this.#kept, ...this.#reader.checkpoints()];
    const head = this.#reader.head();
    const size = Math.max(head.events, head.size);
    for (const at of [head.size, ...checkpoints.map((c) => c.size)]) this.#roots.set(at, undefined);
    this.#noteRoot();
    await this.#checkEvents(size);
    const root = rootOf(this.#digest.sha256, this.#frontier);
    this.#checkHead(head);
    for (const checkpoint of checkpoints) this.#checkCheckpoint(checkpoint);
    await this.#checkContents();
    if (this.#wholeFile) this.#checkFile();
    return {
      ok: this.#findings.length === 0,
      size,
      root,
      checkedEvents: this.#checked,
      erasedPayloads: this.#erased,
      findings: this.#findings,
    };
  }

  async #checkEvents(size: number): Promise<void> {
    const rows = this.#db.prepare(
      `SELECT e.*, p.salt, p.data, p.erased_at
         FROM event e NOT INDEXED LEFT JOIN payload p ON p.idx = e.idx
         WHERE e.idx >= ? AND e.idx < ? ORDER BY e.idx LIMIT ?`,
    );
    let next = 0;
    while (next < size) {
      const chunk = rows.all(next, size, CHUNK) as StoredRow[];
      for (const row of chunk) {
        if (row.idx !== next) this.#missing(next, row.idx);
        this.#checkEvent(row);
        next = row.idx + 1;
      }
      if (chunk.length === 0) {
        this.#missing(next, size);
        return;
      }
      await turn();
    }
  }

  #missing(from: number, to: number): void {
    const what = to - from === 1 ? `Event ${from} is` : `Events ${from} to ${to - 1} are`;
    this.#find("event-missing", `${what} missing`, from);
  }

  #checkEvent(row: StoredRow): void {
    this.#checked += 1;
    const hash = leafHash(this.#digest.sha256, row.leaf);
    if (!same(hash, row.leaf_hash)) {
      this.#find("leaf-hash-differs", `The leaf of event ${row.idx} was changed`, row.idx);
    }
    push(this.#digest.sha256, this.#frontier, this.#checked - 1, hash);
    this.#noteRoot();
    const envelope = this.#envelope(row);
    if (envelope !== undefined) this.#checkEnvelope(row, envelope);
    this.#checkPlace(row);
  }

  #envelope(row: StoredRow): { readonly [member: string]: Json } | undefined {
    try {
      const text = this.#digest.text(row.leaf);
      const envelope = JSON.parse(text) as { readonly [member: string]: Json };
      if (jcs(envelope) === text) return envelope;
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    }
    this.#find("leaf-malformed", `The leaf of event ${row.idx} is not canonical JSON`, row.idx);
    return undefined;
  }

  #checkEnvelope(row: StoredRow, envelope: { readonly [member: string]: Json }): void {
    const wrong: string[] = SEARCH_COPY.filter((column) => envelope[column] !== row[column]);
    if (envelope["index"] !== row.idx) wrong.unshift("index");
    if (wrong.length > 0) {
      const columns = wrong.join(", ");
      this.#find("column-differs", `Event ${row.idx} and its leaf differ in ${columns}`, row.idx);
    }
    this.#checkPayload(row, envelope["data_hash"]);
  }

  /** No event type tells of an erasure, so an erased payload is one that is missing, too. */
  #checkPayload(row: StoredRow, expected: Json | undefined): void {
    if (row.salt === null || row.data === null) {
      const erased = row.erased_at !== null;
      if (erased) this.#erased += 1;
      const why = erased ? "was erased, and no event tells of it" : "is missing";
      this.#find("payload-missing", `The payload of event ${row.idx} ${why}`, row.idx);
      return;
    }
    const found = dataHash(this.#digest, row.salt, this.#digest.utf8(row.data));
    if (found !== expected) {
      this.#find("payload-differs", `The payload of event ${row.idx} was changed`, row.idx);
    }
  }

  #checkPlace(row: StoredRow): void {
    const place = this.#versions.get(row.stream) ?? 0;
    if (row.stream_pos !== place) {
      const message = `Event ${row.idx} is ${row.stream_pos} in ${row.stream}, not ${place}`;
      this.#find("stream-version-differs", message, row.idx);
    }
    this.#versions.set(row.stream, row.stream_pos + 1);
  }

  #noteRoot(): void {
    if (!this.#roots.has(this.#checked)) return;
    this.#roots.set(this.#checked, rootOf(this.#digest.sha256, this.#frontier));
  }

  #checkHead(head: { readonly size: number; readonly frontier: Uint8Array }): void {
    const root = this.#roots.get(head.size);
    const hashes = Array.from({ length: head.frontier.length / 32 }, (_, i) =>
      head.frontier.subarray(32 * i, 32 * i + 32),
    );
    const fits =
      root !== undefined &&
      hashes.length === frontierLength(head.size) &&
      same(rootOf(this.#digest.sha256, hashes), root);
    if (!fits) this.#find("head-differs", "The head does not fit the events");
  }

  #checkCheckpoint(stored: { size: number; root: Uint8Array; note: string }): void {
    const { size } = stored;
    const root = this.#roots.get(size);
    if (root === undefined || !same(root, stored.root)) {
      const message = `The events are not those of the signed checkpoint of size ${size}`;
      this.#find("checkpoint-differs", message);
    }
    try {
      const signed = openCheckpoint(this.#digest, stored.note, this.#keys, checkEd25519);
      if (signed.size === size && same(signed.root, stored.root)) return;
      this.#find("checkpoint-malformed", `The checkpoint of size ${size} says something else`);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.#find("checkpoint-malformed", `The checkpoint of size ${size}: ${error.message}`);
    }
  }

  async #checkContents(): Promise<void> {
    const digests = this.#db.prepare("SELECT digest FROM content").pluck().all() as string[];
    for (const [i, name] of digests.entries()) {
      const text = this.#reader.content(name);
      if (text === undefined || this.#digest.ofText(text) !== name) {
        this.#find("content-differs", `The content ${name} was changed`);
      }
      if (i % CHUNK === CHUNK - 1) await turn();
    }
  }

  /** Indexes and unique keys, as SQLite itself checks them. */
  #checkFile(): void {
    const lines = this.#db.pragma("integrity_check(20)") as { integrity_check: string }[];
    for (const { integrity_check: line } of lines) {
      if (line !== "ok") this.#find("file-damaged", line);
    }
    for (const [table, what] of [
      ["event", "An event lacks the one before it"],
      ["payload", "A payload lacks its event"],
    ] as const) {
      const orphans = this.#db.pragma(`foreign_key_check(${table})`) as unknown[];
      if (orphans.length > 0) this.#find("file-damaged", what);
    }
  }

  #find(code: string, message: string, index?: number): void {
    if (this.#findings.length >= MAX_FINDINGS) return;
    this.#findings.push({ code, message, ...(index === undefined ? {} : { index }) });
  }
}
