import { jcs } from "../../domain/ledger/jcs.ts";
import { envelopeWriter } from "../../domain/ledger/envelope.ts";
import { leafHash, push, same, textLeaf } from "../../domain/ledger/merkle.ts";
import type { ActorKind } from "../../domain/shared/actor.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import type { Json } from "../../domain/shared/json.ts";
import { bytesOfHex, hexOf, isExact, utf8Of } from "./blob-text.ts";
import type { LedgerConnection, LedgerStatement } from "./ledger-connection.ts";
import { Findings, type LedgerFinding } from "../ledger/verification.ts";

/** Events that are read at a time; the event loop may turn between them. */
const CHUNK = 500;

/** Some events in a row. */
export interface Range {
  readonly from: number;
  readonly to: number;
  /** Frontier of the events before `from` that hash into one subtree with them. */
  readonly frontier: readonly Hash[];
  /** How many those are. */
  readonly before: number;
  /** Sizes within the range at which the tree is wanted. */
  readonly sizes: readonly number[];
}

/** What was found in a range: plain values, they come from a thread. */
export interface RangeChecked {
  readonly from: number;
  readonly checked: number;
  readonly erased: number;
  /** Frontier of `before` and the range together. */
  readonly frontier: readonly Hash[];
  /** The same at each of the sizes that were wanted. */
  readonly frontiers: ReadonlyMap<number, readonly Hash[]>;
  /** For each stream the first place found, and the one that must come next. */
  readonly streams: ReadonlyMap<string, StreamPart>;
  readonly findings: readonly LedgerFinding[];
}

export interface StreamPart {
  readonly first: number;
  readonly firstIndex: number;
  readonly next: number;
}

interface StoredRow {
  readonly idx: number;
  readonly id: string;
  readonly stream: string;
  readonly stream_pos: number;
  readonly type: string;
  readonly v: number;
  readonly time: string;
  readonly actor: string;
  readonly actor_kind: ActorKind;
  readonly correlation: string;
  readonly causation: string | null;
  readonly leaf: Buffer;
  readonly leaf_hash: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly data: string | null;
  readonly erased_at: string | null;
}

/** The same with blobs as texts: cheaper to read. */
interface TextRow extends Omit<StoredRow, "leaf" | "leaf_hash" | "salt" | "erased_at"> {
  readonly leaf: string | null;
  readonly leaf_hash: string | null;
  readonly salt: string | null;
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

/** Checks ranges of events: leaves, columns, payloads, places, and the tree over them. */
export class RangeChecker {
  readonly #texts: LedgerStatement;
  readonly #row: LedgerStatement;
  readonly #digest: Digest;

  constructor(db: LedgerConnection, digest: Digest) {
    this.#digest = digest;
    const from = "FROM event e NOT INDEXED LEFT JOIN payload p ON p.idx = e.idx";
    this.#texts = db.prepare(
      `SELECT e.idx, ${SEARCH_COPY.map((column) => `e.${column}`).join(", ")},
         ${utf8Of("e.leaf")} AS leaf, ${hexOf("e.leaf_hash")} AS leaf_hash,
         ${hexOf("p.salt")} AS salt, p.data
         ${from} WHERE e.idx >= ? AND e.idx < ? ORDER BY e.idx LIMIT ?`,
    );
    this.#row = db.prepare(`SELECT e.*, p.salt, p.data, p.erased_at ${from} WHERE e.idx = ?`);
  }

  /** `turn` is awaited between chunks; leave it out where nothing else waits for the thread. */
  async check(range: Range, turn?: () => Promise<void>): Promise<RangeChecked> {
    const state = new RangeState(range, this.#digest);
    for (let next = range.from; next < range.to;) {
      const rows = this.#texts.all(next, range.to, CHUNK) as TextRow[];
      for (const row of rows) {
        if (row.idx !== next) state.missing(next, row.idx);
        if (!state.sound(row)) state.event(this.#row.get(row.idx) as StoredRow);
        next = row.idx + 1;
      }
      if (rows.length === 0) {
        state.missing(next, range.to);
        break;
      }
      await turn?.();
    }
    return state.result();
  }
}

class RangeState {
  readonly #range: Range;
  readonly #digest: Digest;
  readonly #findings = new Findings();
  readonly #frontier: Hash[];
  readonly #frontiers = new Map<number, readonly Hash[]>();
  readonly #wanted: ReadonlySet<number>;
  readonly #streams = new Map<string, { first: number; firstIndex: number; next: number }>();
  #checked = 0;
  #erased = 0;

  constructor(range: Range, digest: Digest) {
    this.#range = range;
    this.#digest = digest;
    this.#frontier = [...range.frontier];
    this.#wanted = new Set(range.sizes);
    this.#note();
  }

  result(): RangeChecked {
    return {
      from: this.#range.from,
      checked: this.#checked,
      erased: this.#erased,
      frontier: this.#frontier,
      frontiers: this.#frontiers,
      streams: this.#streams,
      findings: this.#findings.list,
    };
  }

  missing(from: number, to: number): void {
    const what = to - from === 1 ? `Event ${from} is` : `Events ${from} to ${to - 1} are`;
    this.#findings.add("event-missing", `${what} missing`, from);
  }

  /**
   * Takes an event if nothing is wrong with it: its leaf is what columns and payload give when it is
   * written again, byte for byte, and hashes to what is stored. All of them are right then, and
   * nothing had to be parsed. False: look at it closely, with `event`.
   */
  sound(row: TextRow): boolean {
    if (row.leaf === null || row.salt === null || row.data === null) return false;
    const dataHash = this.#digest.saltedText(bytesOfHex(row.salt), row.data).digest;
    const text = leafText(row, dataHash);
    if (text !== row.leaf || !isExact(text)) return false;
    const { hash } = textLeaf(this.#digest, text);
    if (row.leaf_hash === null || !same(hash, bytesOfHex(row.leaf_hash))) return false;
    this.#push(hash);
    this.#place(row);
    return true;
  }

  event(row: StoredRow): void {
    const hash = leafHash(this.#digest.sha256, row.leaf);
    if (!same(hash, row.leaf_hash))
      this.#findings.add("leaf-hash-differs", `The leaf of event ${row.idx} was changed`, row.idx);
    this.#push(hash);
    this.#checkRow(row);
    this.#place(row);
  }

  #push(hash: Hash): void {
    push(this.#digest.sha256, this.#frontier, this.#range.before + this.#checked, hash);
    this.#checked += 1;
    this.#note();
  }

  /** A tree with an event too few has no root at the sizes behind it that could be right. */
  #note(): void {
    const size = this.#range.from + this.#checked;
    if (this.#wanted.has(size)) this.#frontiers.set(size, [...this.#frontier]);
  }

  #checkRow(row: StoredRow): void {
    const envelope = this.#envelope(row);
    if (envelope !== undefined) this.#checkEnvelope(row, envelope);
  }

  #envelope(row: StoredRow): { readonly [member: string]: Json } | undefined {
    try {
      const text = this.#digest.text(row.leaf);
      const envelope = JSON.parse(text) as { readonly [member: string]: Json };
      if (jcs(envelope) === text) return envelope;
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    }
    const message = `The leaf of event ${row.idx} is not canonical JSON`;
    this.#findings.add("leaf-malformed", message, row.idx);
    return undefined;
  }

  #checkEnvelope(row: StoredRow, envelope: { readonly [member: string]: Json }): void {
    const wrong: string[] = SEARCH_COPY.filter((column) => envelope[column] !== row[column]);
    if (envelope["index"] !== row.idx) wrong.unshift("index");
    if (wrong.length > 0) {
      const message = `Event ${row.idx} and its leaf differ in ${wrong.join(", ")}`;
      this.#findings.add("column-differs", message, row.idx);
    }
    this.#checkPayload(row, envelope["data_hash"]);
  }

  /** Texts are erased by destroying keys: no payload may be missing, whatever its row says. */
  #checkPayload(row: StoredRow, expected: Json | undefined): void {
    if (row.salt === null || row.data === null) {
      const erased = row.erased_at !== null;
      if (erased) this.#erased += 1;
      const why = erased ? "was erased, and no event tells of it" : "is missing";
      this.#findings.add("payload-missing", `The payload of event ${row.idx} ${why}`, row.idx);
      return;
    }
    const found = this.#digest.saltedText(row.salt, row.data).digest;
    if (found !== expected)
      this.#findings.add("payload-differs", `The payload of event ${row.idx} was changed`, row.idx);
  }

  #place(row: Pick<StoredRow, "idx" | "stream" | "stream_pos">): void {
    const known = this.#streams.get(row.stream);
    if (known === undefined) {
      const next = row.stream_pos + 1;
      this.#streams.set(row.stream, { first: row.stream_pos, firstIndex: row.idx, next });
      return;
    }
    if (row.stream_pos !== known.next) this.#findings.add(...wrongPlace(row, known.next));
    known.next = row.stream_pos + 1;
  }
}

/** The finding that an event is not where it must be in its stream. */
export const wrongPlace = (
  row: { readonly idx: number; readonly stream_pos: number; readonly stream: string },
  expected: number,
): [code: string, message: string, index: number] => [
  "stream-version-differs",
  `Event ${row.idx} is ${row.stream_pos} in ${row.stream}, not ${expected}`,
  row.idx,
];

const leafText = (row: TextRow, dataHash: string): string =>
  envelopeWriter({
    actor: { id: row.actor, kind: row.actor_kind },
    causation: row.causation,
    correlation: row.correlation,
    stream: row.stream,
    time: row.time,
  })({
    dataHash,
    id: row.id,
    index: row.idx,
    streamVersion: row.stream_pos,
    type: row.type,
    v: row.v,
  });
