import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Unavailable, type DomainError } from "../../domain/shared/errors.ts";
import { KEY_BYTES, KEY_ID_BYTES, type DataKey, type DataKeys } from "./data-keys.ts";

/*
 * Every object of the store but a wrapped key: a header, frame 0 with a JSON text (the directory),
 * and more frames. A frame is compressed, then encrypted or given a checksum, on its own, so that
 * one can be read without the others. docs/reference/backup-format.md has each byte.
 */

export type ObjectKind = "pack" | "list" | "manifest" | "index";

const MAGIC = "SLBACKUP";
const KINDS: readonly ObjectKind[] = ["pack", "list", "manifest", "index"];
const SALT_BYTES = 16;
/** What a frame's tag covers besides the frame. */
const BOUND_BYTES = 44;
export const HEADER_BYTES = BOUND_BYTES + 4;
const PLAIN = 0;
const AES_GCM = 1;
const TAG_BYTES = 16;
const CRC_BYTES = 4;

/** A frame of data: 256 pages. */
export const FRAME_BYTES = 1 << 20;
const DIRECTORY_LIMIT = 64 << 20;

/** Level 3 takes two thirds more time for a tenth less space on databases (measured). */
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Room for whatever zstd makes of so many bytes: with that it needs no buffer of its own. */
const packedBound = (bytes: number): number => bytes + (bytes >> 8) + 128;

/** A byte more than there can be: when output just fits its piece, zstd is asked again, at twice the cost. */
const unpackPiece = (packed: number, limit: number): number =>
  limit <= FRAME_BYTES ? Math.max(64, limit + 1) : Math.min(FRAME_BYTES, Math.max(64, packed * 4));

/** Thrown when stored bytes are not those that were written. `details` names object and frame. */
export function damaged(object: string, what: string, details: object = {}): Unavailable {
  return new Unavailable("backup-damaged", `The stored backup is damaged: ${object}: ${what}`, {
    hint: "Make a new backup now, and check the disk that holds the backups",
    details: { object, ...details },
  });
}

export const isDamage = (error: unknown): error is DomainError =>
  error instanceof Unavailable && error.code === "backup-damaged";

/** Seals the frames of one object, one after another. */
export class ObjectSealer {
  /** Of packs, lists and indexes, the name; unique in the world. */
  readonly name: string;
  readonly #header: Buffer;
  readonly #key: KeyObject | undefined;
  readonly #first: SealedFrame[] = [];
  readonly #frames: SealedFrame[] = [];
  readonly #reserved: number;
  #bytes = 0;

  /** `reserved`: so many frames come before those of `add`, but are known only at the end. */
  constructor(key: DataKey | undefined, kind: ObjectKind, reserved = 0) {
    this.#reserved = reserved;
    const salt = randomBytes(SALT_BYTES);
    this.name = salt.toString("hex");
    this.#header = Buffer.alloc(HEADER_BYTES);
    this.#header.write(MAGIC, 0, "latin1");
    this.#header[8] = KINDS.indexOf(kind) + 1;
    this.#header[9] = key === undefined ? PLAIN : AES_GCM;
    if (key !== undefined) this.#header.write(key.id, 12, "hex");
    salt.copy(this.#header, 12 + KEY_ID_BYTES);
    this.#key = key === undefined ? undefined : objectKey(key, salt);
  }

  /** Bytes of the frames so far, as stored. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Seals the next frame and returns its number. */
  add(raw: Uint8Array): number {
    const number = this.#reserved + this.#frames.length + 1;
    const frame = this.#seal(raw, number);
    this.#frames.push(frame);
    this.#bytes += lengthOf(frame);
    return number;
  }

  /** Seals the next of the reserved frames. */
  first(raw: Uint8Array): void {
    this.#first.push(this.#seal(raw, this.#first.length + 1));
  }

  /** The whole object, in parts to be written one after another. */
  finish(directory: object): Buffer[] {
    const frames = [...this.#first, ...this.#frames];
    const text = JSON.stringify({ ...directory, frames: frames.map(lengthOf) });
    const first = this.#seal(Buffer.from(text), 0);
    this.#header.writeUInt32BE(lengthOf(first), BOUND_BYTES);
    return [this.#header, ...first, ...frames.flat()];
  }

  #seal(raw: Uint8Array, number: number): SealedFrame {
    const bound = boundTo(this.#header, number);
    const packed = zstdCompressSync(raw, { chunkSize: packedBound(raw.length), params: LEVEL });
    // A copy of its own: the room that it was made in is larger, and would be kept with it.
    if (this.#key === undefined) return [Buffer.from(packed), checksum(packed, bound)];
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(number));
    cipher.setAAD(bound);
    const sealed = cipher.update(packed);
    cipher.final();
    return [sealed, cipher.getAuthTag()];
  }
}

/** What is written one after another; putting it together would copy it once more. */
type SealedFrame = readonly [content: Buffer, proof: Buffer];

const lengthOf = ([content, proof]: SealedFrame): number => content.length + proof.length;

/** Reads at most `length` bytes from `offset` of one object. Undefined: there is none. */
export type ReadRange = (offset: number, length: number) => Promise<Buffer | undefined>;

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
    const header = requireHeader(kind, name, head);
    const length = header.readUInt32BE(BOUND_BYTES);
    const salt = header.subarray(12 + KEY_ID_BYTES, BOUND_BYTES);
    const keyId = header.toString("hex", 12, 12 + KEY_ID_BYTES);
    const key = header[9] === PLAIN ? undefined : objectKey(keys.find(keyId), salt);
    const end = HEADER_BYTES + length;
    const stored =
      head.length >= end
        ? head.subarray(HEADER_BYTES, end)
        : ((await read(HEADER_BYTES, length)) ?? Buffer.alloc(0));
    const raw = openFrame({ name, number: 0, header, key, stored, limit: DIRECTORY_LIMIT });
    return new ObjectReader(name, header, key, read, parseDirectory<T>(name, raw));
  }

  /** Frames after the directory. */
  get frames(): number {
    return this.#starts.length - 1;
  }

  /** Frame `number`, from 1; no longer than `limit` bytes. */
  async frame(number: number, limit: number): Promise<Buffer> {
    const start = this.#starts[number - 1];
    const end = this.#starts[number];
    if (start === undefined || end === undefined)
      throw damaged(this.#name, `there is no frame ${number}`, { frame: number });
    const stored = (await this.#read(start, end - start)) ?? Buffer.alloc(0);
    const name = this.#name;
    return openFrame({ name, number, header: this.#bound, key: this.#key, stored, limit });
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
    const packed =
      key === undefined ? checked(stored, bound) : decrypted(stored, bound, key, number);
    if (packed !== undefined)
      return zstdDecompressSync(packed, {
        chunkSize: unpackPiece(packed.length, limit),
        maxOutputLength: limit,
      });
  } catch {
    // The cipher and zstd say little; what is known is which frame.
  }
  throw damaged(name, `frame ${number} is not what was written`, { frame: number });
}

function checked(stored: Buffer, bound: Buffer): Buffer | undefined {
  const end = stored.length - CRC_BYTES;
  if (end < 0) return undefined;
  const packed = stored.subarray(0, end);
  return checksum(packed, bound).equals(stored.subarray(end)) ? packed : undefined;
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

/** The header without the directory's length, and the frame's number. */
function boundTo(header: Buffer, number: number): Buffer {
  const bound = Buffer.alloc(BOUND_BYTES + 4);
  header.copy(bound, 0, 0, BOUND_BYTES);
  bound.writeUInt32BE(number, BOUND_BYTES);
  return bound;
}

function checksum(packed: Buffer, bound: Buffer): Buffer {
  const sum = Buffer.alloc(CRC_BYTES);
  sum.writeUInt32BE(crc32(packed, crc32(bound)));
  return sum;
}

/** Each object has a key of its own, so a counter is all that its nonces need. */
function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 8);
  return nonce;
}

const objectKey = (key: DataKey, salt: Uint8Array): KeyObject =>
  createSecretKey(
    new Uint8Array(hkdfSync("sha256", key.secret, salt, "schemaledger object", KEY_BYTES)),
  );
