import type { ExportPlace } from "../log-export/export-place.ts";
import { S3Bucket } from "./s3-bucket.ts";
import { S3Locks } from "./s3-locks.ts";
import { s3Url, type S3Source } from "./s3-settings.ts";

/** Checkpoints by size, in the order of their names. */
const KEPT = "checkpoints";
const nameOf = (size: number): string => String(size).padStart(15, "0");

/** An export in a bucket. Who may read what is said by the bucket's policy. */
export class S3ExportPlace implements ExportPlace {
  readonly name: string;
  readonly #bucket: S3Bucket;
  readonly #locks: S3Locks;
  readonly #isLocked: boolean;
  #files = 0;
  #bytes = 0;

  constructor(source: S3Source) {
    this.name = s3Url(source.settings);
    this.#bucket = new S3Bucket(source);
    this.#locks = new S3Locks(source);
    this.#isLocked = source.settings.lock !== undefined;
  }

  get written(): { readonly files: number; readonly bytes: number } {
    return { files: this.#files, bytes: this.#bytes };
  }

  read(path: string): Promise<Buffer | undefined> {
    return this.#bucket.get(path);
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    if (!(await this.#bucket.putOnce(path, [bytes], this.#locks.forNew()))) {
      if ((await this.read(path))?.equals(bytes) === true) return;
      // Somebody changed it: in a bucket with versions what they wrote stays beneath.
      await this.#bucket.replace(path, bytes, this.#locks.forNew());
    }
    this.#files += 1;
    this.#bytes += bytes.length;
  }

  /** Every put is durable by itself. */
  async settle(): Promise<void> {}

  async replace(path: string, text: string): Promise<void> {
    await this.#bucket.replace(path, Buffer.from(text), {});
  }

  /** What is locked stays: it is small, and says nothing wrong. */
  async dropPartials(path: string): Promise<void> {
    if (this.#isLocked) return;
    for (const name of (await this.#bucket.sizes(`${path}.p`)).keys())
      await this.#bucket.delete(`${path}.p/${name}`, true);
  }

  readonly keepCheckpoint = async (size: number, note: string): Promise<void> => {
    const path = `${KEPT}/${nameOf(size)}`;
    await this.#bucket.putOnce(path, [Buffer.from(note)], this.#locks.forNew());
  };

  readonly newestKept = async (): Promise<string | undefined> => {
    const newest = [...(await this.#bucket.sizes(KEPT)).keys()].toSorted().at(-1);
    return newest === undefined ? undefined : (await this.read(`${KEPT}/${newest}`))?.toString();
  };
}
