import { setImmediate as turn } from "node:timers/promises";
import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { Checkpoint } from "../../domain/ledger/ledger.ts";
import { frontierLength, push, rootOf, same } from "../../domain/ledger/merkle.ts";
import { parseVerifierKey, type VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import { openLedgerFile, type LedgerConnection } from "./ledger-connection.ts";
import { LedgerReader } from "./ledger-reader.ts";
import { checkRanges } from "./range-workers.ts";
import { missingText, namedTexts, TYPES_WITH_TEXTS } from "../ledger/named-texts.ts";
import { Findings, type LedgerVerification } from "../ledger/verification.ts";
import { RangeChecker, wrongPlace, type Range, type RangeChecked } from "./verify-range.ts";
import { SqliteTransparencyLog } from "./sqlite-transparency-log.ts";

export type { LedgerFinding, LedgerVerification } from "../ledger/verification.ts";

/** What to verify against: whose signatures the stored checkpoints must bear. */
export interface VerifyOptions {
  readonly digest: Digest;
  /** One at least; they are named as the ledger. */
  readonly verifierKeys: readonly string[];
  /**
   * Whether SQLite checks its own structures, too (default true). That is one statement over the
   * whole file, during which the event loop stands still.
   */
  readonly wholeFile?: boolean;
  /** Kept outside of the file: the events must be those of these, too. */
  readonly kept?: readonly KeptHead[];
  /** Verified before: what it covers is only held against it, and not read again. */
  readonly since?: KeptHead | undefined;
  /** Where the hashes of tiles are cached: with it, `since` costs nothing for what it covers. */
  readonly tileCache?: string;
  /** Threads that hash; 0 (default): this one, in small pieces between other work. */
  readonly workers?: number;
  /** Events that are checked together, a power of two. */
  readonly range?: number;
}

/** A head that somebody kept, and by which name it is called in a finding. */
export interface KeptHead {
  readonly size: number;
  readonly root: Hash;
  readonly name: string;
}

/** Events that are checked together: a perfect subtree of the whole. */
const RANGE = 16_384;
const CHUNK = 500;

/** Verifies a ledger file that nobody needs to have opened. Errors: those of `openLedgerFile`. */
export async function verifyLedgerFile(
  file: string,
  options: VerifyOptions,
): Promise<LedgerVerification> {
  const origin = parseVerifierKey(options.digest, options.verifierKeys[0]!).name;
  const db = openLedgerFile(file, { origin, readOnly: true });
  try {
    return await new Verification(db, file, origin, options).run();
  } finally {
    db.close();
  }
}

/**
 * Re-hashes everything that is stored when it starts: leaves, payloads, contents, the tree, the
 * head and every signed checkpoint.
 */
class Verification {
  readonly #db: LedgerConnection;
  readonly #threads: { readonly workers: number; readonly file: string; readonly origin: string };
  readonly #digest: Digest;
  readonly #keys: readonly VerifierKey[];
  readonly #reader: LedgerReader;
  readonly #findings = new Findings();
  readonly #options: VerifyOptions;
  readonly #range: number;
  /** Of the ranges so far, each a leaf of this upper tree. */
  readonly #above: Hash[] = [];
  #ranges = 0;
  /** Of the last range, when it is not whole. */
  #rest: readonly Hash[] = [];
  readonly #versions = new Map<string, number>();
  readonly #roots = new Map<number, Hash | undefined>();
  #checked = 0;
  #erased = 0;

  constructor(db: LedgerConnection, file: string, origin: string, options: VerifyOptions) {
    this.#db = db;
    this.#threads = { workers: options.workers ?? 0, file, origin };
    this.#digest = options.digest;
    this.#keys = options.verifierKeys.map((text) => parseVerifierKey(options.digest, text));
    this.#reader = new LedgerReader(db);
    this.#options = options;
    this.#range = options.range ?? RANGE;
  }

  async run(): Promise<LedgerVerification> {
    // In this order: what another process appends meanwhile is then not missed anywhere.
    const { kept = [], since, wholeFile = true } = this.#options;
    const checkpoints = this.#reader.checkpoints();
    const head = this.#reader.head();
    const size = Math.max(head.events, head.size);
    for (const at of [head.size, ...checkpoints.map((c) => c.size), ...kept.map((k) => k.size)])
      this.#roots.set(at, undefined);
    const from = since === undefined ? 0 : await this.#continue(since, size);
    await this.#checkEvents(from, size);
    this.#checkHead(head);
    for (const checkpoint of checkpoints)
      if (checkpoint.size >= from) this.#checkStored(checkpoint);
    for (const one of kept) if (one.size >= from) this.#checkKept(one, size);
    if (from === 0) await this.#checkContents(size);
    if (wholeFile) this.#checkFile();
    const { list } = this.#findings;
    const counts = { checkedEvents: this.#checked, erasedPayloads: this.#erased };
    return { ok: list.length === 0, size, root: this.#root(this.#rest), ...counts, findings: list };
  }

  /** Takes up the tree of a head that was verified before, if the ledger continues it. */
  async #continue(since: KeptHead, size: number): Promise<number> {
    const frontier = since.size > size ? undefined : await this.#frontierAt(since.size);
    if (frontier === undefined || !same(rootOf(this.#digest.sha256, frontier), since.root)) {
      this.#checkKept(since, size);
      return 0;
    }
    const whole = frontierLength(since.size - (since.size % this.#range));
    this.#above.push(...frontier.slice(0, whole));
    this.#ranges = Math.floor(since.size / this.#range);
    this.#rest = frontier.slice(whole);
    return since.size;
  }

  /** From stored hashes: it proves nothing by itself, and is held against a root that was kept. */
  async #frontierAt(size: number): Promise<readonly Hash[] | undefined> {
    const { file, origin } = this.#threads;
    const cache = { file: this.#options.tileCache ?? `${file}-tiles`, readOnly: true };
    const log = new SqliteTransparencyLog({ file, origin, cache, digest: this.#digest });
    try {
      return await log.frontierAt(size);
    } catch (error) {
      // Stored hashes that do not fit: everything is read then, and says why.
      if (error instanceof DomainError) return undefined;
      throw error;
    } finally {
      await log.close();
    }
  }

  async #checkEvents(from: number, size: number): Promise<void> {
    if (this.#roots.has(from)) this.#roots.set(from, this.#root(this.#rest));
    const ranges = this.#rangesOf(from, size);
    const here = new RangeChecker(this.#db, this.#digest);
    for await (const checked of checkRanges(ranges, here, this.#threads)) this.#take(checked);
  }

  #rangesOf(from: number, size: number): Range[] {
    const sizes = [...this.#roots.keys()];
    const ranges: Range[] = [];
    for (let start = from; start < size;) {
      const to = Math.min(size, start - (start % this.#range) + this.#range);
      const within = sizes.filter((at) => at > start && at <= to);
      const first = start === from;
      const frontier = first ? this.#rest : [];
      ranges.push({ from: start, to, frontier, before: start % this.#range, sizes: within });
      start = to;
    }
    return ranges;
  }

  #take(checked: RangeChecked): void {
    for (const { code, message, index } of checked.findings)
      this.#findings.add(code, message, index);
    this.#checked += checked.checked;
    this.#erased += checked.erased;
    for (const [size, frontier] of checked.frontiers) this.#roots.set(size, this.#root(frontier));
    for (const [stream, part] of checked.streams) this.#takeStream(stream, part);
    const events = (checked.from % this.#range) + checked.checked;
    if (events === this.#range) {
      push(this.#digest.sha256, this.#above, this.#ranges, checked.frontier[0]!);
      this.#ranges += 1;
      this.#rest = [];
    } else this.#rest = checked.frontier;
  }

  #takeStream(stream: string, part: { first: number; firstIndex: number; next: number }): void {
    const expected = this.#versions.get(stream) ?? this.#placeBefore(stream, part.firstIndex);
    if (part.first !== expected) {
      const row = { idx: part.firstIndex, stream_pos: part.first, stream };
      this.#findings.add(...wrongPlace(row, expected));
    }
    this.#versions.set(stream, part.next);
  }

  /** Where a stream goes on that began before what is verified now. */
  #placeBefore(stream: string, index: number): number {
    if (this.#options.since === undefined) return 0;
    const sql = `SELECT stream_pos + 1 FROM event INDEXED BY event_by_stream
      WHERE stream = ? AND +idx < ? ORDER BY stream_pos DESC LIMIT 1`;
    return (this.#db.prepare(sql).pluck().get(stream, index) as number | undefined) ?? 0;
  }

  #root(rest: readonly Hash[]): Hash {
    return rootOf(this.#digest.sha256, [...this.#above, ...rest]);
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
    if (!fits) this.#findings.add("head-differs", "The head does not fit the events");
  }

  #checkKept({ size, root, name }: KeptHead, found: number): void {
    const ours = this.#roots.get(size);
    if (ours !== undefined && same(ours, root)) return;
    if (size > found) {
      const message = `${name} has ${size} events, the ledger only ${found}`;
      this.#findings.add("kept-checkpoint-ahead", message);
    } else {
      const message = `The events are not those of ${name} (size ${size}): they were rewritten`;
      this.#findings.add("kept-checkpoint-differs", message);
    }
  }

  #checkStored(stored: Checkpoint): void {
    const { size } = stored;
    const root = this.#roots.get(size);
    if (root === undefined || !same(root, stored.root)) {
      const message = `The events are not those of the signed checkpoint of size ${size}`;
      this.#findings.add("checkpoint-differs", message);
    }
    try {
      const signed = openCheckpoint(this.#digest, stored.note, this.#keys, checkEd25519);
      if (signed.size === size && same(signed.root, stored.root)) return;
      const message = `The checkpoint of size ${size} says something else`;
      this.#findings.add("checkpoint-malformed", message);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const message = `The checkpoint of size ${size}: ${error.message}`;
      this.#findings.add("checkpoint-malformed", message);
    }
  }

  async #checkContents(size: number): Promise<void> {
    const digests = this.#db.prepare("SELECT digest FROM content").pluck().all() as string[];
    for (const [i, name] of digests.entries()) {
      const text = this.#reader.content(name);
      if (text === undefined || this.#digest.ofText(text) !== name)
        this.#findings.add("content-differs", `The content ${name} was changed`);
      if (i % CHUNK === CHUNK - 1) await turn();
    }
    await this.#checkNamedTexts(new Set(digests), size);
  }

  /**
   * Texts that were taken away: their events still name them. Events from `size` on came after the
   * texts were listed, with texts of their own.
   */
  async #checkNamedTexts(there: ReadonlySet<string>, size: number): Promise<void> {
    const sql = `SELECT idx, data FROM event JOIN payload USING (idx)
      WHERE type = ? AND idx > ? AND idx < ? AND data IS NOT NULL ORDER BY idx LIMIT ${CHUNK}`;
    const next = this.#db.prepare(sql);
    for (const type of TYPES_WITH_TEXTS)
      for (let after = -1; after < Infinity;) {
        const rows = next.all(type, after, size) as { idx: number; data: string }[];
        for (const { idx, data } of rows)
          for (const name of namedTexts(type, data))
            if (!there.has(name)) this.#findings.add(...missingText(idx, name));
        after = rows.at(-1)?.idx ?? Infinity;
        await turn();
      }
  }

  /** Indexes and unique keys, as SQLite itself checks them. */
  #checkFile(): void {
    const lines = this.#db.pragma("integrity_check(20)") as { integrity_check: string }[];
    for (const { integrity_check: line } of lines)
      if (line !== "ok") this.#findings.add("file-damaged", line);
    for (const [table, what] of [
      ["event", "An event lacks the one before it"],
      ["payload", "A payload lacks its event"],
    ] as const) {
      const orphans = this.#db.pragma(`foreign_key_check(${table})`) as unknown[];
      if (orphans.length > 0) this.#findings.add("file-damaged", what);
    }
  }
}
