import { entryBundle } from "../../domain/ledger/entry-bundle.ts";
import {
  consistencyProof,
  frontierLength,
  inclusionProof,
  rootOf,
  same,
  type SubtreeRoot,
} from "../../domain/ledger/merkle.ts";
import { subtreeRootsFrom } from "../../domain/ledger/tile-tree.ts";
import { hasTile, TILE_WIDTH, type TileId } from "../../domain/ledger/tile.ts";
import type { StoredEntry, TransparencyLog } from "../../domain/ledger/transparency-log.ts";
import type { Digest, Hash } from "../../domain/shared/digest.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { bytesOfHex, hexOf, isExact, utf8Of } from "./blob-text.ts";
import {
  openLedgerFile,
  type LedgerConnection,
  type LedgerStatement,
} from "./ledger-connection.ts";
import { damaged } from "../ledger/ledger-head.ts";
import { TileHashes, type TileCache } from "../ledger/tile-hashes.ts";

/** Milliseconds between two looks for full tiles, so that a proof never waits for many. */
const FOLLOW_EVERY = 2000;
const HASH = 32;

/** The transparency log over a ledger file, read through a connection of its own. */
export class SqliteTransparencyLog implements TransparencyLog {
  readonly #db: LedgerConnection;
  readonly #digest: Digest;
  readonly #hashes: TileHashes;
  readonly #head: LedgerStatement;
  readonly #leafHashes: LedgerStatement;
  readonly #entries: LedgerStatement;
  /** The same with bytes as texts. */
  readonly #texts: LedgerStatement;
  readonly #subtree: SubtreeRoot;
  /** The size up to which the kept tile hashes are known to be right. */
  #checked = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `cache`: where tile hashes are kept; made when missing, and anew when it is wrong. */
  constructor(options: {
    readonly file: string;
    readonly origin: string;
    readonly cache: TileCache;
    readonly digest: Digest;
    /** Default: that of `openLedgerFile`. */
    readonly connect?: (file: string) => LedgerConnection;
  }) {
    const { file, origin, cache, digest, connect } = options;
    this.#db = connect?.(file) ?? openLedgerFile(file, { origin, readOnly: true });
    this.#digest = digest;
    this.#head = this.#db.prepare("SELECT size, frontier FROM ledger_head");
    const range = "WHERE idx >= ? AND idx < ? ORDER BY idx";
    // One text for all of them: handing over a row takes longer than reading it.
    this.#leafHashes = this.#db
      .prepare(
        `SELECT group_concat(hash, '') FROM (SELECT hex(leaf_hash) AS hash FROM event ${range})`,
      )
      .pluck();
    const from = `FROM event e LEFT JOIN payload p ON p.idx = e.idx
      WHERE e.idx >= ? ORDER BY e.idx LIMIT ?`;
    this.#entries = this.#db.prepare(
      `SELECT e.idx AS "index", e.leaf, p.salt, p.data AS payload ${from}`,
    );
    this.#texts = this.#db.prepare(
      `SELECT e.idx AS "index", ${utf8Of("e.leaf")} AS leaf, ${hexOf("p.salt")} AS salt,
         p.data AS payload ${from}`,
    );
    this.#hashes = new TileHashes(cache, digest, (start, count) => this.#level0(start, count));
    this.#subtree = subtreeRootsFrom(digest.sha256, (level, start, count) =>
      this.#at(level, start, count),
    );
  }

  /** Works out tile hashes as the ledger grows. */
  follow(onError: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      this.#reach(this.#size()).catch(onError);
    }, FOLLOW_EVERY).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#hashes.close();
    this.#db.close();
  }

  async tile(id: TileId): Promise<Uint8Array | undefined> {
    if (!hasTile(id, this.#size())) return undefined;
    const start = id.index * TILE_WIDTH;
    if (id.level === "entries") return entryBundle(await this.#leavesOf(start, id.width));
    if (id.level > 0) await this.#reach(this.#size());
    return Buffer.concat(this.#at(id.level, start, id.width));
  }

  async entries(from: number, limit: number): Promise<readonly StoredEntry[]> {
    const entries = (this.#texts.all(from, limit) as TextEntry[]).map(entryOf);
    return entries.every((entry) => entry !== undefined)
      ? entries
      : (this.#entries.all(from, limit) as StoredEntry[]);
  }

  /** Number of committed events. */
  size(): number {
    return this.#size();
  }

  async rootAt(size: number): Promise<Hash> {
    await this.#reachKnown(size);
    return this.#subtree(0, size);
  }

  /** The frontier of the first `size` events. Error: InvalidInput size-beyond-log. */
  async frontierAt(size: number): Promise<readonly Hash[]> {
    await this.#reachKnown(size);
    return powersOf(size).map(({ start, count }) => this.#subtree(start, start + count));
  }

  async inclusionProof(index: number, size: number): Promise<readonly Hash[]> {
    await this.#reachKnown(size);
    return inclusionProof(this.#subtree, index, size);
  }

  async consistencyProof(first: number, second: number): Promise<readonly Hash[]> {
    await this.#reachKnown(second);
    return consistencyProof(this.#subtree, first, second);
  }

  async #reachKnown(size: number): Promise<void> {
    const known = this.#size();
    if (size > known)
      throw new InvalidInput("size-beyond-log", `The log has ${known} entries, not ${size}`, {
        hint: "Take the size of a checkpoint that this ledger signed",
      });
    await this.#reach(known);
  }

  /** Full tiles have their hashes, and what was kept of them gives the root that the head has. */
  async #reach(size: number): Promise<void> {
    if (size - (size % TILE_WIDTH) <= this.#checked) return;
    await this.#hashes.reach(size);
    if (!this.#fits(size)) {
      this.#hashes.forget();
      await this.#hashes.reach(size);
      if (!this.#fits(size)) throw damaged("its tree is not that of the events");
    }
  }

  /**
   * Over the leaves that full tiles hold; the rest is read from the events each time. The head may
   * have gone on meanwhile: what it says of more than was worked out is left to the next time.
   */
  #fits(reached: number): boolean {
    const { size, frontier } = this.#head.get() as { size: number; frontier: Uint8Array };
    const full = size - (size % TILE_WIDTH);
    if (full > reached) return true;
    const hashes = Array.from({ length: frontierLength(full) }, (_, i) =>
      frontier.subarray(32 * i, 32 * i + 32),
    );
    const fits = same(rootOf(this.#digest.sha256, hashes), this.#subtree(0, full));
    if (fits) this.#checked = full;
    return fits;
  }

  #size(): number {
    return (this.#head.get() as { size: number }).size;
  }

  #at(level: number, start: number, count: number): readonly Hash[] {
    return level === 0 ? this.#level0(start, count) : this.#hashes.at(level, start, count);
  }

  #level0(start: number, count: number): readonly Hash[] {
    const text = this.#leafHashes.get(start, start + count) as string | null;
    const bytes = bytesOfHex(text ?? "");
    if (bytes.length !== count * HASH) throw damaged("events are missing");
    return Array.from({ length: count }, (_, n) => bytes.subarray(n * HASH, (n + 1) * HASH));
  }

  async #leavesOf(start: number, count: number): Promise<readonly Uint8Array[]> {
    const entries = await this.entries(start, count);
    if (entries.at(-1)?.index !== start + count - 1 || entries.length !== count)
      throw damaged("events are missing");
    return entries.map(({ leaf }) => leaf);
  }
}

/** An entry with its bytes as text. */
interface TextEntry {
  readonly index: number;
  readonly leaf: string | null;
  readonly salt: string | null;
  readonly payload: string | null;
}

/** Undefined if the text may have been read from other bytes than it says. */
function entryOf({ index, leaf, salt, payload }: TextEntry): StoredEntry | undefined {
  if (leaf === null || !isExact(leaf)) return undefined;
  const bytes = Buffer.from(leaf, "utf8");
  return { index, leaf: bytes, salt: salt === null ? null : bytesOfHex(salt), payload };
}

/** The perfect subtrees of a tree, the largest first: one for each 1-bit of its size. */
function powersOf(size: number): { readonly start: number; readonly count: number }[] {
  const parts: { start: number; count: number }[] = [];
  for (let start = 0; start < size;) {
    const count = 2 ** Math.floor(Math.log2(size - start));
    parts.push({ start, count });
    start += count;
  }
  return parts;
}
