import {
  createCipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { constants, crc32, zstdCompressSync } from "node:zlib";
import { Unavailable, type DomainError } from "../../domain/shared/errors.ts";
import { KEY_BYTES, KEY_ID_BYTES, type DataKey } from "./data-keys.ts";
import { release } from "./release.ts";

/*
 * Every object of the store but a wrapped key: a header, frame 0 with a JSON text (the directory),
 * and more frames. A frame is compressed, then encrypted or given a checksum, on its own, so that
 * one can be read without the others. docs/reference/backup-format.md has each byte.
 */

export type ObjectKind = "pack" | "list" | "manifest" | "index";

export const MAGIC = "SLBACKUP";
export const KINDS: readonly ObjectKind[] = ["pack", "list", "manifest", "index"];
const SALT_BYTES = 16;
/** What a frame's tag covers besides the frame. */
export const BOUND_BYTES = 44;
export const HEADER_BYTES = BOUND_BYTES + 4;
export const PLAIN = 0;
export const AES_GCM = 1;
export const TAG_BYTES = 16;
export const CRC_BYTES = 4;

/** A frame of data: 256 pages. */
export const FRAME_BYTES = 1 << 20;

/** Level 3 takes two thirds more time for a tenth less space on databases (measured). */
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Room for whatever zstd makes of so many bytes: with that it needs no buffer of its own. */
const packedBound = (bytes: number): number => bytes + (bytes >> 8) + 128;

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
    const frame = this.#proven(packed, bound, number);
    release(packed);
    return frame;
  }

  #proven(packed: Buffer, bound: Buffer, number: number): SealedFrame {
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

/** The header without the directory's length, and the frame's number. */
export function boundTo(header: Buffer, number: number): Buffer {
  const bound = Buffer.alloc(BOUND_BYTES + 4);
  header.copy(bound, 0, 0, BOUND_BYTES);
  bound.writeUInt32BE(number, BOUND_BYTES);
  return bound;
}

export function checksum(packed: Buffer, bound: Buffer): Buffer {
  const sum = Buffer.alloc(CRC_BYTES);
  sum.writeUInt32BE(crc32(packed, crc32(bound)));
  return sum;
}

/** Each object has a key of its own, so a counter is all that its nonces need. */
export function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 8);
  return nonce;
}

export const objectKey = (key: DataKey, salt: Uint8Array): KeyObject =>
  createSecretKey(
    new Uint8Array(hkdfSync("sha256", key.secret, salt, "schemaledger object", KEY_BYTES)),
  );
