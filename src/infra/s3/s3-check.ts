import { randomUUID } from "node:crypto";
import { Unavailable } from "../../domain/shared/errors.ts";
import { bodyOf } from "./s3-body.ts";
import { checksumOf } from "./s3-checksum.ts";
import { S3Connection } from "./s3-connection.ts";
import { isMissingObject, statusOf } from "./s3-errors.ts";
import {
  NO_ABILITIES,
  keyOf,
  s3Url,
  type S3Abilities,
  type S3Credentials,
  type S3Settings,
} from "./s3-settings.ts";

/** What a bucket does, and how far this machine's clock is from that of its service. */
export interface ExaminedBucket {
  readonly abilities: S3Abilities;
  /** Of this machine, as far as the client had to correct it; 0: little or none. */
  readonly clockOffMs: number;
}

/**
 * Lists, writes, reads back and removes a small object, as a backup does, and finds out what the
 * service offers. Rejects with what would keep backups from being made: `bucket-missing`,
 * `bucket-credentials-wrong`, `bucket-access-denied`, `bucket-clock-skewed`, `bucket-region-wrong`, `bucket-unreachable`,
 * `bucket-unable`, or `bucket-lock-unavailable` if objects shall be locked and the bucket cannot.
 */
export async function examineBucket(
  settings: S3Settings,
  credentials: S3Credentials,
): Promise<ExaminedBucket> {
  const connection = await S3Connection.to({
    settings,
    abilities: NO_ABILITIES,
    credentials: () => Promise.resolve(credentials),
  });
  const probe = new Probe(connection);
  await probe.list();
  const { conditional, versioned } = await connection.telling(() => probe.write());
  await probe.readBack();
  await probe.remove();
  const lockable = versioned && (await connection.telling(() => probe.isLockable()));
  if (settings.lock !== undefined && !lockable)
    throw new Unavailable(
      "bucket-lock-unavailable",
      `Objects of ${s3Url(settings)} shall be locked, and Object Lock is not on in the bucket`,
      {
        hint: "Object Lock is turned on when a bucket is made; without --s3-object-lock the bucket can be used as it is",
      },
    );
  const abilities = { conditional, versioned, lockable };
  return { abilities, clockOffMs: await connection.clockOffMs() };
}

/** A small object of its own. */
class Probe {
  readonly #connection: S3Connection;
  readonly #place: { readonly Bucket: string; readonly Key: string };
  readonly #content = Buffer.from(`A probe of Schemaledger, ${randomUUID()}\n`);
  #version: string | undefined;

  constructor(connection: S3Connection) {
    const { settings } = connection.access;
    this.#connection = connection;
    this.#place = { Bucket: settings.bucket, Key: keyOf(settings, `probes/${randomUUID()}`) };
  }

  async list(): Promise<void> {
    const { sdk, access } = this.#connection;
    const { bucket: Bucket } = access.settings;
    const Prefix = keyOf(access.settings, "manifests/");
    await this.#connection.telling((client) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 })),
    );
  }

  async write(): Promise<{ readonly conditional: boolean; readonly versioned: boolean }> {
    const first = await this.#put(true).catch((error: unknown) => {
      // Some refuse the condition itself.
      if (statusOf(error) === 501 || statusOf(error) === 400) return undefined;
      throw error;
    });
    const { VersionId } = first ?? (await this.#told(() => this.#put(false)));
    this.#version = VersionId;
    const versioned = VersionId !== undefined && VersionId !== "null";
    if (first === undefined) return { conditional: false, versioned };
    // Others take the condition and do not look at it.
    const second = await this.#put(true).catch((error: unknown) => {
      if (statusOf(error) === 412) return undefined;
      throw error;
    });
    if (second?.VersionId !== undefined) await this.#removeVersion(second.VersionId);
    return { conditional: second === undefined, versioned };
  }

  async readBack(): Promise<void> {
    const { sdk, access } = this.#connection;
    const found = await this.#told(async () =>
      bodyOf(
        await this.#connection.client.send(new sdk.GetObjectCommand(this.#place)),
        access.settings,
      ),
    );
    if (found.equals(this.#content)) return;
    throw new Unavailable(
      "bucket-unable",
      `${s3Url(access.settings)} does not give back what was put`,
      {
        hint: "Look at what lies between here and the service: a proxy or cache that changes answers",
      },
    );
  }

  async remove(): Promise<void> {
    const { sdk } = this.#connection;
    if (this.#version !== undefined) {
      await this.#removeVersion(this.#version);
      // Where there are versions a deletion would leave a mark of its own.
      if (await this.#isGone()) return;
    }
    await this.#told(() => this.#connection.client.send(new sdk.DeleteObjectCommand(this.#place)));
  }

  async #isGone(): Promise<boolean> {
    const { sdk, client } = this.#connection;
    try {
      await client.send(new sdk.HeadObjectCommand(this.#place));
      return false;
    } catch (error) {
      return isMissingObject(error);
    }
  }

  /** Whoever may not remove versions hides objects; the bucket's own rules may keep this one. */
  async #removeVersion(VersionId: string): Promise<void> {
    const { sdk } = this.#connection;
    const asked = { ...this.#place, VersionId };
    await this.#connection.client
      .send(new sdk.DeleteObjectCommand(asked))
      .catch((error: unknown) => {
        if (statusOf(error) !== 403 && !isMissingObject(error)) throw error;
      });
  }

  async isLockable(): Promise<boolean> {
    const { sdk, access } = this.#connection;
    const asked = { Bucket: access.settings.bucket };
    try {
      const { ObjectLockConfiguration: found } = await this.#connection.client.send(
        new sdk.GetObjectLockConfigurationCommand(asked),
      );
      return found?.ObjectLockEnabled === "Enabled";
    } catch (error) {
      const status = statusOf(error) ?? 0;
      // There is none, or it is not ours to know: then nothing is locked by us.
      if (status >= 400 && status <= 501 && status !== 500) return false;
      throw error;
    }
  }

  async #put(isConditional: boolean) {
    const { sdk, access } = this.#connection;
    return this.#connection.client.send(
      new sdk.PutObjectCommand({
        ...this.#place,
        Body: this.#content,
        ...checksumOf(this.#content, access.settings),
        ...(isConditional ? { IfNoneMatch: "*" } : {}),
      }),
    );
  }

  #told<T>(work: () => Promise<T>): Promise<T> {
    return this.#connection.telling(work);
  }
}
