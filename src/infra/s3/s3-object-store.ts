import { randomUUID } from "node:crypto";
import { isObjectName, requireObjectName } from "../page-store/object-name.ts";
import type { ObjectStore } from "../page-store/object-store.ts";
import { bodyOf, rangeOf } from "./s3-body.ts";
import { checksumOf } from "./s3-checksum.ts";
import { S3Connection } from "./s3-connection.ts";
import { isMissingObject, nameOf, statusOf } from "./s3-errors.ts";
import { isLockedFolder, S3Locks } from "./s3-locks.ts";
import { abortUploads, putInParts, wholeOf } from "./s3-multipart.ts";
import { persevering } from "./s3-retry.ts";
import { keyOf, s3Url, type S3Source } from "./s3-settings.ts";
import { inTurn } from "./s3-turns.ts";

/** Puts on their way from one lane, and gets of one reader. */
const AT_ONCE = 4;
/** What is larger goes in parts. */
const PART_BYTES = 8 << 20;
/** Versions of one name that a deletion takes away before it gives up. */
const MOST_VERSIONS = 50;

/**
 * Objects of a bucket, under its prefix. Each appears whole or not at all: a put is one request, or
 * parts that a last request puts together. Rejects with `bucket-…`, `backup-store-full` or
 * `backup-store-failed` when the service refuses, after it was asked several times.
 */
export class S3ObjectStore implements ObjectStore {
  readonly atOnce = AT_ONCE;
  readonly #source: S3Source;
  readonly #locks: S3Locks;
  readonly #partBytes: number;
  readonly retain?: NonNullable<ObjectStore["retain"]>;
  readonly hold?: NonNullable<ObjectStore["hold"]>;

  /** `partBytes`: at least 5 MiB, for that is what services take. */
  constructor(source: S3Source, partBytes = PART_BYTES) {
    this.#source = source;
    this.#locks = new S3Locks(source);
    this.#partBytes = partBytes;
    const { abilities, settings } = source;
    if (abilities.lockable)
      this.hold = (names, held) => this.#locks.hold(names.map(requireObjectName), held);
    if (abilities.lockable && settings.lock !== undefined)
      this.retain = (names) => this.#locks.retain(names.map(requireObjectName));
  }

  async put(name: string, parts: readonly Uint8Array[], passing?: "passing"): Promise<boolean> {
    const key = this.#key(name);
    const { conditional } = this.#source.abilities;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const isLarge = bytes > this.#partBytes;
    if (conditional && !isLarge) return this.#put(name, parts, passing, { IfNoneMatch: "*" });
    // The service would write over what is there, or does when parts are put together: so look before.
    // That is sound among the users of this process; large objects have names that nobody else has.
    return inTurn(`${s3Url(this.#source.settings)} ${name}`, async () => {
      if ((await this.size(name)) !== undefined) return false;
      if (!isLarge) return this.#put(name, parts, passing, {});
      const connection = await this.#connection();
      const lock = this.#locks.forNew(name);
      await putInParts(connection, { key, parts, partBytes: this.#partBytes, lock });
      return true;
    });
  }

  async get(name: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    const key = this.#key(name);
    const { sdk, access, telling } = await this.#parts();
    if (length === 0) return (await this.size(name)) === undefined ? undefined : Buffer.alloc(0);
    const asked = { Bucket: access.settings.bucket, Key: key, ...rangeOf(offset, length) };
    return telling((client) =>
      persevering(access.settings, async () => {
        try {
          return await bodyOf(await client.send(new sdk.GetObjectCommand(asked)), access.settings);
        } catch (error) {
          if (isMissingObject(error)) return undefined;
          // Nothing of the object lies there.
          if (statusOf(error) === 416) return Buffer.alloc(0);
          throw error;
        }
      }),
    );
  }

  async size(name: string): Promise<number | undefined> {
    return (await this.#head(name))?.ContentLength;
  }

  async list(folder: string): Promise<readonly string[]> {
    return [...(await this.sizes(folder)).keys()].toSorted();
  }

  async sizes(folder: string): Promise<ReadonlyMap<string, number>> {
    const { sdk, access, telling } = await this.#parts();
    const prefix = keyOf(access.settings, `${folder}/`);
    const asked = { Bucket: access.settings.bucket, Prefix: prefix };
    return telling(async (client) => {
      const found = new Map<string, number>();
      let token: string | undefined;
      do {
        const more = token === undefined ? {} : { ContinuationToken: token };
        const page = await client.send(new sdk.ListObjectsV2Command({ ...asked, ...more }));
        for (const { Key = "", Size = 0 } of page.Contents ?? []) {
          const name = Key.slice(prefix.length);
          if (isObjectName(`${folder}/${name}`)) found.set(name, Size);
        }
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
      return found;
    });
  }

  async delete(name: string): Promise<void> {
    const key = this.#key(name);
    const { sdk, access, telling } = await this.#parts();
    const { bucket: Bucket } = access.settings;
    const hide = (): Promise<unknown> =>
      telling((client) => client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key })));
    if (!access.abilities.versioned) return void (await hide());
    for (let left = MOST_VERSIONS; left > 0; left -= 1) {
      const head = await this.#head(name);
      if (head === undefined) return;
      if (S3Locks.isLocked(head)) {
        if (isLockedFolder(name)) throw S3Locks.locked(name, head);
        return void (await hide());
      }
      const version = head.VersionId === undefined ? {} : { VersionId: head.VersionId };
      const asked = { Bucket, Key: key, ...version };
      const gone = await telling(async (client) => {
        try {
          return await client.send(new sdk.DeleteObjectCommand(asked));
        } catch (error) {
          if (statusOf(error) === 403 || statusOf(error) === 401) return undefined;
          throw error;
        }
      });
      // Versions are not ours to remove: hidden, it is gone for us, and a lifecycle rule frees its space.
      if (gone === undefined || head.VersionId === undefined) return void (await hide());
    }
  }

  /** Gives up uploads in parts that died. Only while nobody can be writing. */
  async clean(folders: readonly string[]): Promise<void> {
    const connection = await this.#connection();
    for (const folder of folders)
      await abortUploads(connection, keyOf(this.#source.settings, `${folder}/`));
  }

  async #put(
    name: string,
    parts: readonly Uint8Array[],
    passing: "passing" | undefined,
    condition: { readonly IfNoneMatch?: string },
  ): Promise<boolean> {
    const { sdk, access, telling } = await this.#parts();
    const { bucket: Bucket } = access.settings;
    const Body = wholeOf(parts);
    const writer = randomUUID();
    const command = (): InstanceType<typeof sdk.PutObjectCommand> =>
      new sdk.PutObjectCommand({
        Bucket,
        Key: this.#key(name),
        Body,
        Metadata: { writer },
        ...condition,
        ...checksumOf(Body, access.settings),
        ...(passing === undefined ? this.#locks.forNew(name) : {}),
      });
    return telling((client) =>
      persevering(
        access.settings,
        async () => {
          try {
            await client.send(command());
            return true;
          } catch (error) {
            if (statusOf(error) !== 412) throw error;
            // An answer that was lost was asked for again: the one who is in the way may be us.
            return (await this.#head(name))?.Metadata?.["writer"] === writer;
          }
        },
        isConflict,
      ),
    );
  }

  async #head(name: string) {
    const { sdk, access, telling } = await this.#parts();
    const asked = { Bucket: access.settings.bucket, Key: this.#key(name) };
    return telling(async (client) => {
      try {
        return await client.send(new sdk.HeadObjectCommand(asked));
      } catch (error) {
        if (isMissingObject(error)) return undefined;
        if (statusOf(error) !== 403) throw error;
        // The answer to HEAD has no body that would say why: the one to GET does.
        await client.send(new sdk.GetObjectCommand({ ...asked, Range: "bytes=0-0" }));
        throw error;
      }
    });
  }

  async #parts() {
    const connection = await this.#connection();
    const { sdk, access } = connection;
    const telling: S3Connection["telling"] = (work) => connection.telling(work);
    return { sdk, access, telling };
  }

  #connection(): Promise<S3Connection> {
    return S3Connection.to(this.#source);
  }

  #key(name: string): string {
    return keyOf(this.#source.settings, requireObjectName(name));
  }
}

/** Two conditional writes of one name at the same time: one of them is asked to come again. */
const isConflict = (error: unknown): boolean =>
  statusOf(error) === 409 || nameOf(error) === "ConditionalRequestConflict";
