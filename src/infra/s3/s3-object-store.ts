import { isObjectName, requireObjectName } from "../page-store/object-name.ts";
import type { ObjectStore } from "../page-store/object-store.ts";
import { PART_BYTES, S3Bucket } from "./s3-bucket.ts";
import { S3Locks } from "./s3-locks.ts";
import type { S3Source } from "./s3-settings.ts";

/** Puts on their way from one lane, and gets of one reader. */
const AT_ONCE = 4;
/** What a restore needs. Marks and indexes are nobody's loss. */
const LOCKED = /^(?:packs|lists|manifests|keys)\//;
/** Of these, what is locked is not hidden either: a backup is there, or it is not. */
const NEVER_HIDDEN = /^(?:packs|lists|manifests)\//;

/**
 * Objects of a backup store in a bucket. Each appears whole or not at all: a put is one request, or
 * parts that a last request puts together.
 */
export class S3ObjectStore implements ObjectStore {
  readonly atOnce = AT_ONCE;
  readonly #bucket: S3Bucket;
  readonly #locks: S3Locks;
  readonly retain?: NonNullable<ObjectStore["retain"]>;
  readonly hold?: NonNullable<ObjectStore["hold"]>;

  /** `partBytes`: what is larger goes in parts of so many. */
  constructor(source: S3Source, partBytes = PART_BYTES) {
    this.#bucket = new S3Bucket(source, partBytes);
    this.#locks = new S3Locks(source);
    const { abilities, settings } = source;
    if (abilities.lockable)
      this.hold = (names, held) => this.#locks.hold(names.map(requireObjectName), held);
    if (abilities.lockable && settings.lock !== undefined)
      this.retain = (names) => this.#locks.retain(names.map(requireObjectName));
  }

  async put(name: string, parts: readonly Uint8Array[], passing?: "passing"): Promise<boolean> {
    const isLocked = passing === undefined && LOCKED.test(name);
    const lock = isLocked ? this.#locks.forNew() : {};
    return this.#bucket.putOnce(requireObjectName(name), parts, lock);
  }

  async get(name: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    return this.#bucket.get(requireObjectName(name), offset, length);
  }

  async size(name: string): Promise<number | undefined> {
    return (await this.#bucket.head(requireObjectName(name)))?.ContentLength;
  }

  async list(folder: string): Promise<readonly string[]> {
    return [...(await this.sizes(folder)).keys()].toSorted();
  }

  async sizes(folder: string): Promise<ReadonlyMap<string, number>> {
    const found = await this.#bucket.sizes(folder);
    return new Map([...found].filter(([name]) => isObjectName(`${folder}/${name}`)));
  }

  async delete(name: string): Promise<void> {
    await this.#bucket.delete(requireObjectName(name), !NEVER_HIDDEN.test(name));
  }

  /** Gives up uploads in parts that died. Only while nobody can be writing. */
  async clean(folders: readonly string[]): Promise<void> {
    for (const folder of folders) await this.#bucket.abortUploads(folder);
  }
}
