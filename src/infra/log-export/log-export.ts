import { openCheckpoint } from "../../domain/ledger/checkpoint.ts";
import type { Checkpoint, LedgerHead } from "../../domain/ledger/ledger.ts";
import { entryBundle } from "../../domain/ledger/entry-bundle.ts";
import { leafHash, same } from "../../domain/ledger/merkle.ts";
import { newTiles, nodesAt, TILE_WIDTH, tilePath, type TileId } from "../../domain/ledger/tile.ts";
import type { StoredEntry, TransparencyLog } from "../../domain/ledger/transparency-log.ts";
import type { VerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { checkEd25519 } from "../signing/ed25519-signer.ts";
import type { ExportPlace } from "./export-place.ts";
import { payloadLines } from "./payload-lines.ts";

/** Tiles that are put at once: a bucket stores them side by side. */
const PARALLEL = 16;
/** Names of contents within a payload. */
export const CONTENT_DIGEST = /sha256:([0-9a-f]{64})/g;

export interface LogExportParts {
  readonly log: TransparencyLog;
  /** The text of a content, or undefined. */
  readonly content: (digest: string) => Promise<string | undefined>;
  readonly digest: Digest;
  /** Whose signatures are this ledger's. */
  readonly keys: () => readonly VerifierKey[];
}

export interface Exported {
  readonly size: number;
  /** The size that the directory had before. */
  readonly from: number;
  readonly files: number;
  readonly bytes: number;
}

/**
 * A directory or bucket that is a complete transparency log by itself (C2SP tlog-tiles), with what a ledger
 * is rolled forward from: payloads and contents. Each run adds what is new. Its checkpoint is
 * written last: whatever a process dies of, the directory is the log of the checkpoint in it.
 */
export class LogExport {
  readonly #parts: LogExportParts;
  readonly #files: ExportPlace;
  readonly #payloads: boolean;

  /** `payloads` false: the log alone, which may be shown to everybody. */
  constructor(place: ExportPlace, parts: LogExportParts, payloads = true) {
    this.#parts = parts;
    this.#files = place;
    this.#payloads = payloads;
  }

  /**
   * The head that the directory has; undefined when it is empty. Errors: Unavailable
   * export-foreign, when its checkpoint is not of this ledger.
   */
  async head(): Promise<LedgerHead | undefined> {
    const note = (await this.#files.read("checkpoint"))?.toString("utf8");
    const head = note === undefined ? undefined : this.#open(note);
    // Somebody may have put an older one in its place; those that were kept cannot be written over.
    const kept = await this.#files.newestKept?.();
    const newest = kept === undefined ? undefined : this.#open(kept);
    return newest !== undefined && newest.size > (head?.size ?? 0) ? newest : head;
  }

  #open(note: string): LedgerHead {
    const { digest, keys } = this.#parts;
    try {
      return openCheckpoint(digest, note, keys(), checkEd25519);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      throw foreign(this.#files.name, error.message);
    }
  }

  /**
   * Brings the directory to a checkpoint. Errors: Unavailable export-foreign, export-forked (the
   * ledger does not continue what was exported).
   */
  async run(checkpoint: Checkpoint, vkeys: readonly string[]): Promise<Exported> {
    const from = await this.#requireContinues(checkpoint);
    if (from === 0) await this.#files.put("README.txt", Buffer.from(EXPORT_README), "open");
    const tiles: TileId[] = [];
    for (const tile of newTiles(from, checkpoint.size)) {
      tiles.push(tile);
      if (tiles.length === PARALLEL) await this.#write(tiles.splice(0));
    }
    await this.#write(tiles);
    await this.#files.settle();
    await this.#files.replace("vkey", vkeys.map((key) => `${key}\n`).join(""));
    if (checkpoint.size > from)
      await this.#files.keepCheckpoint?.(checkpoint.size, checkpoint.note);
    await this.#files.replace("checkpoint", checkpoint.note);
    await this.#dropPartials(from, checkpoint.size);
    return { size: checkpoint.size, from, ...this.#files.written };
  }

  async #requireContinues(checkpoint: Checkpoint): Promise<number> {
    const had = await this.head();
    if (had === undefined) return 0;
    if (had.size > checkpoint.size) throw forked(this.#files.name, had.size, checkpoint.size);
    const root = await this.#parts.log.rootAt(had.size);
    if (!same(root, had.root)) throw forked(this.#files.name, had.size, checkpoint.size);
    return had.size;
  }

  async #write(tiles: readonly TileId[]): Promise<void> {
    await Promise.all(tiles.map((tile) => this.#writeTile(tile)));
  }

  async #writeTile(tile: TileId): Promise<void> {
    if (this.#payloads && tile.level === "entries") return this.#writeBundle(tile);
    // Written with its bundle: the same rows have it.
    if (this.#payloads && tile.level === 0) return;
    const bytes = await this.#parts.log.tile(tile);
    if (bytes === undefined) throw lacking(tile);
    await this.#files.put(`tile/${tilePath(tile)}`, bytes, "open");
  }

  /** A bundle of entries, the tile of their hashes, and their payloads. */
  async #writeBundle(tile: TileId): Promise<void> {
    const { digest, log } = this.#parts;
    const { index, width } = tile;
    const entries = await log.entries(index * TILE_WIDTH, width);
    if (entries.length !== width) throw lacking(tile);
    const leaves = entries.map(({ leaf }) => leaf);
    await this.#files.put(`tile/${tilePath(tile)}`, entryBundle(leaves), "open");
    const hashes = Buffer.concat(leaves.map((leaf) => leafHash(digest.sha256, leaf)));
    await this.#files.put(`tile/${tilePath({ ...tile, level: 0 })}`, hashes, "open");
    await this.#writePayloads(tile, entries);
  }

  async #writePayloads(tile: TileId, entries: readonly StoredEntry[]): Promise<void> {
    const name = tilePath(tile).replace("entries/", "payloads/");
    await this.#files.put(name, Buffer.from(payloadLines(entries)), "closed");
    const digests = new Set<string>();
    for (const { payload } of entries)
      for (const [, hex] of payload?.matchAll(CONTENT_DIGEST) ?? []) digests.add(hex!);
    for (const hex of digests) {
      const text = await this.#parts.content(`sha256:${hex}`);
      if (text !== undefined)
        await this.#files.put(`contents/${hex}`, Buffer.from(text, "utf8"), "closed");
    }
  }

  /** Partial tiles may go once the full one is there, and published. */
  async #dropPartials(from: number, size: number): Promise<void> {
    const levels: TileId["level"][] = ["entries"];
    for (let level = 0; nodesAt(level, from) > 0; level += 1) levels.push(level);
    for (const level of levels) {
      const had = nodesAt(level, from);
      const index = Math.floor(had / TILE_WIDTH);
      if (had % TILE_WIDTH === 0 || (index + 1) * TILE_WIDTH > nodesAt(level, size)) continue;
      const full = tilePath({ level, index, width: TILE_WIDTH });
      await this.#files.dropPartials(`tile/${full}`);
      if (level === "entries")
        await this.#files.dropPartials(full.replace("entries/", "payloads/"));
    }
  }
}

const lacking = (tile: TileId): Error => new Error(`The log lacks its tile ${tilePath(tile)}`);

/** What an export says of itself. */
export const EXPORT_README = `This directory is a transparency log (https://c2sp.org/tlog-tiles): checkpoint, tile/ and
tile/entries/. vkey has the keys that check the checkpoint; trust it only if you have it from
somewhere else, too. payloads/ (if there) has salt and payload of each entry, one a line, and
contents/ the texts that payloads name by their SHA-256.
`;

const foreign = (directory: string, why: string): Unavailable =>
  new Unavailable("export-foreign", `${directory} is not an export of this ledger: ${why}`, {
    hint: "Name another directory: an export is never written over",
  });

const forked = (directory: string, exported: number, size: number): Unavailable =>
  new Unavailable(
    "export-forked",
    `${directory} has ${exported} events that the ledger of ${size} does not continue`,
    {
      hint: "An older or another copy of the ledger is in use: see docs/guides/ledger-behind.md",
      details: { signed: exported, found: size },
    },
  );
