import { randomUUID } from "node:crypto";
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { bodyOf, rangeOf } from "./s3-body.ts";
import { checksumOf } from "./s3-checksum.ts";
import { S3Connection } from "./s3-connection.ts";
import { isMissingObject, nameOf, statusOf } from "./s3-errors.ts";
import { S3Locks, type NewLock } from "./s3-locks.ts";
import { abortUploads, putInParts, wholeOf } from "./s3-multipart.ts";
import { persevering } from "./s3-retry.ts";
import { keyOf, s3Url, type S3Source } from "./s3-settings.ts";
import { inTurn } from "./s3-turns.ts";

/** What is larger goes in parts. */
export const PART_BYTES = 8 << 20;
/** Versions of one path that a deletion takes away before it gives up. */
const MOST_VERSIONS = 50;

/**
 * What lies under a prefix of a bucket, by path. Rejects with `bucket-…`, `backup-store-full` or
 * `backup-store-failed` when the service refuses, after it was asked several times.
 */
export class S3Bucket {
  readonly #source: S3Source;
  readonly #partBytes: number;

  /** `partBytes`: at least 5 MiB, for that is what services take. */
  constructor(source: S3Source, partBytes = PART_BYTES) {
    this.#source = source;
    this.#partBytes = partBytes;
  }

  /** False if there is something, which stays as it is. */
  async putOnce(path: string, parts: readonly Uint8Array[], lock: NewLock): Promise<boolean> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const isLarge = bytes > this.#partBytes;
    if (this.#source.abilities.conditional && !isLarge)
      return this.#put(path, parts, lock, { IfNoneMatch: "*" });
    // The service would write over what is there, or does when parts are put together: so look before.
    // That is sound among the users of this process; large objects have names that nobody else has.
    return inTurn(`${s3Url(this.#source.settings)} ${path}`, async () => {
      if ((await this.head(path)) !== undefined) return false;
      if (!isLarge) return this.#put(path, parts, lock, {});
      const key = this.#key(path);
      const connection = await this.#connection();
      await putInParts(connection, { key, parts, partBytes: this.#partBytes, lock });
      return true;
    });
  }

  /** In place of what is there. */
  async replace(path: string, content: Uint8Array, lock: NewLock): Promise<void> {
    await this.#put(path, [content], lock, {});
  }

  /** Undefined if there is nothing. */
  async get(path: string, offset = 0, length?: number): Promise<Buffer | undefined> {
    const { sdk, access, telling } = await this.#parts();
    if (length === 0) return (await this.head(path)) === undefined ? undefined : Buffer.alloc(0);
    const asked = { ...this.#place(path), ...rangeOf(offset, length) };
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

  async head(path: string): Promise<HeadObjectCommandOutput | undefined> {
    const { sdk, telling } = await this.#parts();
    const asked = this.#place(path);
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

  /** Paths that begin with `folder/`, without it, and the bytes of each. */
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
        for (const { Key = "", Size = 0 } of page.Contents ?? [])
          found.set(Key.slice(prefix.length), Size);
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
      return found;
    });
  }

  /** `mayHide`: what is locked is hidden behind a deletion, and stays; else that rejects `backup-locked`. */
  async delete(path: string, mayHide: boolean): Promise<void> {
    const { sdk, access, telling } = await this.#parts();
    const place = this.#place(path);
    const hide = (): Promise<unknown> =>
      telling((client) => client.send(new sdk.DeleteObjectCommand(place)));
    if (!access.abilities.versioned) return void (await hide());
    for (let left = MOST_VERSIONS; left > 0; left -= 1) {
      const head = await this.head(path);
      if (head === undefined) return;
      if (S3Locks.isLocked(head)) {
        if (!mayHide) throw S3Locks.locked(path, head);
        return void (await hide());
      }
      const version = head.VersionId === undefined ? {} : { VersionId: head.VersionId };
      const asked = { ...place, ...version };
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
  async abortUploads(folder: string): Promise<void> {
    await abortUploads(await this.#connection(), this.#key(`${folder}/`));
  }

  async #put(
    path: string,
    parts: readonly Uint8Array[],
    lock: NewLock,
    condition: { readonly IfNoneMatch?: string },
  ): Promise<boolean> {
    const { sdk, access, telling } = await this.#parts();
    const Body = wholeOf(parts);
    const writer = randomUUID();
    const asked = {
      ...this.#place(path),
      Body,
      Metadata: { writer },
      ...condition,
      ...checksumOf(Body, access.settings),
      ...lock,
    };
    return telling((client) =>
      persevering(
        access.settings,
        async () => {
          try {
            await client.send(new sdk.PutObjectCommand(asked));
            return true;
          } catch (error) {
            if (statusOf(error) !== 412) throw error;
            // An answer that was lost was asked for again: the one who is in the way may be us.
            return (await this.head(path))?.Metadata?.["writer"] === writer;
          }
        },
        isConflict,
      ),
    );
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

  #place(path: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#source.settings.bucket, Key: this.#key(path) };
  }

  #key(path: string): string {
    return keyOf(this.#source.settings, path);
  }
}

/** Two conditional writes of one name at the same time: one of them is asked to come again. */
const isConflict = (error: unknown): boolean =>
  statusOf(error) === 409 || nameOf(error) === "ConditionalRequestConflict";
