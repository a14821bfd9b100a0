import { DIGEST_BYTES, type PackNames, type ReadableObjects } from "./page-list.ts";
import { PackReader } from "./pack.ts";
import { release } from "./release.ts";
import { PageTable, type Place } from "./page-table.ts";
import { isKeyMissing } from "./data-keys.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectSealer, isDamage } from "./sealed-object.ts";

/** Bytes of a digest, and of an entry, in an index: digest, pack, frame and slot. */
const KEY_BYTES = 16;
const ENTRY_BYTES = KEY_BYTES + 8;
const ENTRIES_A_FRAME = 1 << 15;

/** Most pages that are looked up by content: 26 MiB of table, 3 GiB of content. What is older is stored again. */
const MOST_PAGES = 750_000;
/** Packs that are read one by one before a new index is worth its place. */
const LOOSE_PACKS = 32;
/** So few new pages are stored without asking: asking takes longer than storing them. */
const FEW = 16;
/** An index of up to so many pages is read for a single new page. */
const SMALL_INDEX = 1 << 16;
/** A larger one is read when one in so many of its pages' number is to be stored. */
const WORTH_IT = 256;

interface IndexDirectory {
  readonly packs: readonly string[];
  readonly entries: number;
}

/**
 * The pages that the store has, by content. Everything here is made of the packs alone; an index
 * object only spares reading many of them, and is thrown away when it is damaged.
 */
export class KnownPages {
  readonly #store: ReadableObjects;
  readonly #names: PackNames;
  readonly #usable: (pack: string) => boolean;
  readonly #table: PageTable;
  readonly #packs: readonly string[];
  readonly #index: ObjectReader<IndexDirectory> | undefined;
  #unmatched = 0;
  #loading: Promise<void> | undefined;
  #isLoaded = false;

  private constructor(
    store: ReadableObjects,
    names: PackNames,
    usable: (pack: string) => boolean,
    packs: readonly string[],
    index: ObjectReader<IndexDirectory> | undefined,
    expected: number,
  ) {
    this.#store = store;
    this.#names = names;
    this.#usable = usable;
    this.#packs = packs;
    this.#index = index;
    const indexed = index?.directory.entries ?? 0;
    this.#table = new PageTable(Math.min(MOST_PAGES, expected + indexed));
  }

  /** Looks what there is; reads it when it pays. `usable`: false for packs known to be damaged. */
  static async open(
    store: ReadableObjects,
    names: PackNames,
    usable: (pack: string) => boolean,
    expected: number,
  ): Promise<KnownPages> {
    const packs = await store.objects.list("packs");
    const index = await newestIndex(store);
    return new KnownPages(store, names, usable, packs, index, expected);
  }

  /** To be called for every page that is not where it was; true when the store should be asked. */
  needsLoading(): boolean {
    this.#unmatched += 1;
    if (this.#isLoaded || this.#unmatched <= FEW) return false;
    const entries = this.#index?.directory.entries ?? 0;
    return entries <= SMALL_INDEX || this.#unmatched > entries / WORTH_IT;
  }

  /** Reads what the store has, once. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  get(digest: Buffer, at: number): Place | undefined {
    return this.#table.get(digest, at);
  }

  set(digest: Buffer, at: number, place: Place): void {
    if (this.#table.size < MOST_PAGES || this.#table.get(digest, at) !== undefined)
      this.#table.set(digest, at, place.pack, place.place);
  }

  async #load(): Promise<void> {
    const covered = new Set(this.#index?.directory.packs);
    const loose = this.#packs.filter((pack) => !covered.has(pack));
    // Newest knowledge first: the table has an end.
    for (const pack of loose) await this.#loadPack(pack);
    if (this.#index !== undefined) await this.#loadIndex(this.#index);
    if (loose.length > LOOSE_PACKS) await this.#writeIndex();
    this.#isLoaded = true;
  }

  async #loadPack(pack: string): Promise<void> {
    if (!this.#usable(pack)) return;
    try {
      const reader = await PackReader.open(this.#store, pack);
      const digests = await reader.digests();
      const number = this.#names.number(pack);
      let at = 0;
      for (const frame of reader.frames)
        for (let slot = 0; slot < reader.pagesIn(frame); slot += 1, at += DIGEST_BYTES)
          this.#know(digests, at, number, frame * 0x1_0000 + slot);
    } catch (error) {
      // Its pages are stored again; whoever needs this pack will be told.
      if (!isPassable(error)) throw error;
    }
  }

  async #loadIndex(index: ObjectReader<IndexDirectory>): Promise<void> {
    const present = new Set(this.#packs);
    const numbers = index.directory.packs.map((pack) =>
      present.has(pack) && this.#usable(pack) ? this.#names.number(pack) : undefined,
    );
    try {
      for (let number = 1; number <= index.frames; number += 1) {
        const raw = await index.frame(number, ENTRIES_A_FRAME * ENTRY_BYTES);
        for (let at = 0; at + ENTRY_BYTES <= raw.length; at += ENTRY_BYTES) {
          const pack = numbers[raw.readUInt32BE(at + KEY_BYTES)];
          if (pack !== undefined) this.#know(raw, at, pack, raw.readUInt32BE(at + KEY_BYTES + 4));
        }
        release(raw);
      }
    } catch (error) {
      if (!isPassable(error)) throw error;
    }
  }

  #know(digest: Buffer, at: number, pack: number, place: number): void {
    if (this.#table.size < MOST_PAGES && this.#table.get(digest, at) === undefined)
      this.#table.set(digest, at, pack, place);
  }

  /** One index for all packs in place of those before. */
  async #writeIndex(): Promise<void> {
    const { objects, keys } = this.#store;
    const before = await objects.list("indexes");
    const sealer = new ObjectSealer(keys.current, "index");
    const numbers = new Map(this.#packs.map((pack, at) => [this.#names.number(pack), at]));
    const raw = Buffer.allocUnsafeSlow(ENTRIES_A_FRAME * ENTRY_BYTES);
    let filled = 0;
    let entries = 0;
    this.#table.forEach((digest, { pack, place }) => {
      const number = numbers.get(pack);
      // Pages of the backup under way, which have no place yet.
      if (number === undefined) return;
      digest.copy(raw, filled, 0, KEY_BYTES);
      raw.writeUInt32BE(number, filled + KEY_BYTES);
      raw.writeUInt32BE(place, filled + KEY_BYTES + 4);
      filled += ENTRY_BYTES;
      entries += 1;
      if (filled < raw.length) return;
      sealer.add(raw);
      filled = 0;
    });
    if (filled > 0) sealer.add(raw.subarray(0, filled));
    const directory: IndexDirectory = { packs: this.#packs, entries };
    await objects.put(`indexes/${sealer.name}`, sealer.finish(directory));
    for (const name of before) await objects.delete(`indexes/${name}`);
  }
}

/** One that was written by a process that has a key of ours, and is whole. */
async function newestIndex(
  store: ReadableObjects,
): Promise<ObjectReader<IndexDirectory> | undefined> {
  for (const name of await store.objects.list("indexes")) {
    const path = `indexes/${name}`;
    try {
      const index = await ObjectReader.open<IndexDirectory>(
        "index",
        path,
        store.keys,
        (offset, length) => store.objects.get(path, offset, length),
      );
      if (index !== undefined) return index;
    } catch (error) {
      if (!isPassable(error)) throw error;
    }
  }
  return undefined;
}

/** What keeps known pages from being known, and nothing else. */
const isPassable = (error: unknown): boolean => isDamage(error) || isKeyMissing(error);
