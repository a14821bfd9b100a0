import { createDecipheriv, type KeyObject } from "node:crypto";
import { zstdDecompressSync } from "node:zlib";
import { KEY_ID_BYTES, type DataKeys } from "./data-keys.ts";
import { release } from "./release.ts";
import {
  AES_GCM,
  BOUND_BYTES,
  CRC_BYTES,
  FRAME_BYTES,
  HEADER_BYTES,
  KINDS,
  MAGIC,
  PLAIN,
  TAG_BYTES,
  boundTo,
  checksum,
  damaged,
  isDamage,
  nonceOf,
  objectKey,
  type ObjectKind,
} from "./sealed-object.ts";

const DIRECTORY_LIMIT = 64 << 20;

/** A byte more than there can be: when output just fits its piece, zstd is asked again, at twice the cost. */
const unpackPiece = (packed: number, limit: number): number =>
  limit <= FRAME_BYTES ? Math.max(64, limit + 1) : Math.min(FRAME_BYTES, Math.max(64, packed * 4));

/**
 * Reads at most `length` bytes from `offset` of one object. Undefined: there is none. `fresh`: from
 * where the object lies, whatever was read before.
 */
export type ReadRange = (
  offset: number,
  length: number,
  fresh?: "fresh",
) => Promise<Buffer | undefined>;

/** Answers from what was read first what it can. */
export function startingWith(start: Buffer, further: ReadRange): ReadRange {
  return async (offset, length, fresh) =>
    fresh === undefined && offset + length <= start.length
      ? start.subarray(offset, offset + length)
      : further(offset, length, fresh);
}

/** What the first read fetches: mostly the header and the whole directory. */
const FIRST_READ = 8 << 10;

/** Opens the frames of one object. Everything it returns has passed its tag or checksum. */
export class ObjectReader<T> {
  readonly directory: T;
  readonly #name: string;
  readonly #bound: Buffer;
  readonly #key: KeyObject | undefined;
  readonly #read: ReadRange;
  readonly #starts: readonly number[];

  private constructor(
    name: string,
    header: Buffer,
    key: KeyObject | undefined,
    read: ReadRange,
    directory: T & { readonly frames: readonly number[] },
  ) {
    this.#name = name;
    this.#bound = header;
    this.#key = key;
    this.#read = read;
    this.directory = directory;
    let at = HEADER_BYTES + header.readUInt32BE(BOUND_BYTES);
    this.#starts = [at, ...directory.frames.map((length) => (at += length))];
  }

  /**
   * Undefined if there is no such object. Rejects with `backup-damaged`, or with
   * `backup-key-missing`.
   */
  static async open<T>(
    kind: ObjectKind,
    name: string,
    keys: DataKeys,
    read: ReadRange,
  ): Promise<ObjectReader<T> | undefined> {
    const head = await read(0, FIRST_READ);
    if (head === undefined) return undefined;
    try {
      return await ObjectReader.#opened<T>(kind, name, keys, head, read);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const again = await read(0, FIRST_READ, "fresh");
      if (again === undefined) throw error;
      const fresh: ReadRange = (offset, length) => read(offset, length, "fresh");
      return ObjectReader.#opened<T>(kind, name, keys, again, fresh);
    }
  }

  static async #opened<T>(
    kind: ObjectKind,
    name: string,
    keys: DataKeys,
    head: Buffer,
    further: ReadRange,
  ): Promise<ObjectReader<T>> {
    const read = startingWith(head, further);
    const header = requireHeader(kind, name, head);
    const length = header.readUInt32BE(BOUND_BYTES);
    const salt = header.subarray(12 + KEY_ID_BYTES, BOUND_BYTES);
    const keyId = header.toString("hex", 12, 12 + KEY_ID_BYTES);
    const key = header[9] === PLAIN ? undefined : objectKey(keys.find(keyId), salt);
    const stored = (await read(HEADER_BYTES, length)) ?? Buffer.alloc(0);
    const raw = openFrame({ name, number: 0, header, key, stored, limit: DIRECTORY_LIMIT });
    return new ObjectReader(name, header, key, read, parseDirectory<T>(name, raw));
  }

  /** Frames after the directory. */
  get frames(): number {
    return this.#starts.length - 1;
  }

  /**
   * Frame `number`, from 1; no longer than `limit` bytes. What is damaged is read once more: bytes may
   * change on their way as well as where they lie, and only the latter is a damaged backup.
   */
  async frame(number: number, limit: number): Promise<Buffer> {
    const start = this.#starts[number - 1];
    const end = this.#starts[number];
    if (start === undefined || end === undefined)
      throw damaged(this.#name, `there is no frame ${number}`, { frame: number });
    const name = this.#name;
    const open = async (fresh?: "fresh"): Promise<Buffer> => {
      const stored = (await this.#read(start, end - start, fresh)) ?? Buffer.alloc(0);
      return openFrame({ name, number, header: this.#bound, key: this.#key, stored, limit });
    };
    try {
      return await open();
    } catch (error) {
      if (!isDamage(error)) throw error;
      return open("fresh");
    }
  }

  /** Where the object must end; whatever follows was not written by us. */
  get end(): number {
    return this.#starts.at(-1)!;
  }
}

function requireHeader(kind: ObjectKind, name: string, head: Buffer): Buffer {
  const header = head.subarray(0, HEADER_BYTES);
  const known =
    header.length === HEADER_BYTES &&
    header.toString("latin1", 0, 8) === MAGIC &&
    KINDS[header[8]! - 1] === kind &&
    (header[9] === PLAIN || header[9] === AES_GCM);
  if (!known) throw damaged(name, "its header is not that of what it should be", { frame: 0 });
  const salt = header.toString("hex", 12 + KEY_ID_BYTES, BOUND_BYTES);
  if (kind !== "manifest" && !name.endsWith(`/${salt}`))
    throw damaged(name, "it lies under the name of another object", { frame: 0 });
  return header;
}

function parseDirectory<T>(name: string, raw: Buffer): T & { readonly frames: readonly number[] } {
  try {
    const directory = JSON.parse(raw.toString()) as T & { readonly frames: readonly number[] };
    if (directory.frames.every((length) => Number.isSafeInteger(length) && length >= 0))
      return directory;
  } catch {
    // Told below, in our own words: the parser's quote the content.
  }
  throw damaged(name, "its directory cannot be read", { frame: 0 });
}

interface StoredFrame {
  readonly name: string;
  readonly number: number;
  readonly header: Buffer;
  readonly key: KeyObject | undefined;
  readonly stored: Buffer;
  readonly limit: number;
}

function openFrame({ name, number, header, key, stored, limit }: StoredFrame): Buffer {
  try {
    const bound = boundTo(header, number);
    if (key === undefined) return unpacked(checked(stored, bound), limit);
    const packed = decrypted(stored, bound, key, number);
    const raw = unpacked(packed, limit);
    release(packed);
    return raw;
  } catch {
    // The cipher and zstd say little; what is known is which frame.
  }
  throw damaged(name, `frame ${number} is not what was written`, { frame: number });
}

const unpacked = (packed: Buffer, limit: number): Buffer =>
  zstdDecompressSync(packed, {
    chunkSize: unpackPiece(packed.length, limit),
    maxOutputLength: limit,
  });

/** Throws unless the checksum is right. */
function checked(stored: Buffer, bound: Buffer): Buffer {
  const end = Math.max(0, stored.length - CRC_BYTES);
  const packed = stored.subarray(0, end);
  if (checksum(packed, bound).equals(stored.subarray(end))) return packed;
  throw new Error("Another checksum");
}

/** Throws unless the tag is right; nothing of the frame is looked at before. */
function decrypted(stored: Buffer, bound: Buffer, key: KeyObject, number: number): Buffer {
  const end = Math.max(0, stored.length - TAG_BYTES);
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(number), options);
  decipher.setAAD(bound);
  decipher.setAuthTag(stored.subarray(end));
  const packed = decipher.update(stored.subarray(0, end));
  decipher.final();
  return packed;
}
