import type { HeadObjectCommandOutput, PutObjectCommandInput } from "@aws-sdk/client-s3";
import { Conflict } from "../../domain/shared/errors.ts";
import { S3Connection } from "./s3-connection.ts";
import { keyOf, type S3Source } from "./s3-settings.ts";

const DAY_MS = 86_400_000;
/** Locked for a quarter longer than asked, so that not every backup has to begin all times anew. */
const SLACK = 1.25;
/** Objects that are asked at once. */
const AT_ONCE = 16;

export type NewLock = Pick<PutObjectCommandInput, "ObjectLockMode" | "ObjectLockRetainUntilDate">;

type Head = Pick<
  HeadObjectCommandOutput,
  "ObjectLockRetainUntilDate" | "ObjectLockLegalHoldStatus"
>;

/** Object Lock: what keeps backups from everybody's hands, ours included. */
export class S3Locks {
  readonly #source: S3Source;

  constructor(source: S3Source) {
    this.#source = source;
  }

  static isLocked({ ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus }: Head): boolean {
    const until = ObjectLockRetainUntilDate?.getTime() ?? 0;
    return ObjectLockLegalHoldStatus === "ON" || until > Date.now();
  }

  static locked(name: string, head: Head): Conflict {
    const isHeld = head.ObjectLockLegalHoldStatus === "ON";
    const until = isHeld ? null : (head.ObjectLockRetainUntilDate?.toISOString() ?? null);
    const how = until === null ? "by a legal hold" : `until ${until}`;
    return new Conflict("backup-locked", `The bucket keeps ${name} ${how}`, {
      hint: "It is removed by a prune after that; space in the bucket is not free before",
      details: { object: name, until },
    });
  }

  /** What a new object is put with. */
  forNew(): NewLock {
    const lock = this.#source.settings.lock;
    if (lock === undefined) return {};
    return {
      ObjectLockMode: lock.mode,
      ObjectLockRetainUntilDate: new Date(Date.now() + lock.days * DAY_MS * SLACK),
    };
  }

  /** A backup is kept for the whole time whatever it was put together of. */
  async retain(names: readonly string[]): Promise<void> {
    const lock = this.#source.settings.lock;
    if (lock === undefined) return;
    const needed = Date.now() + lock.days * DAY_MS;
    const RetainUntilDate = new Date(Date.now() + lock.days * DAY_MS * SLACK);
    await this.#each(names, async (connection, place) => {
      const { sdk } = connection;
      await connection.telling(async (client) => {
        const head = await client.send(new sdk.HeadObjectCommand(place));
        if ((head.ObjectLockRetainUntilDate?.getTime() ?? 0) >= needed) return;
        // The strongest that there is stays: a mode cannot be weakened.
        const Mode = head.ObjectLockMode === "COMPLIANCE" ? "COMPLIANCE" : lock.mode;
        const Retention = { Mode, RetainUntilDate };
        await client.send(new sdk.PutObjectRetentionCommand({ ...place, Retention }));
      });
    });
  }

  async hold(names: readonly string[], held: boolean): Promise<void> {
    if (!this.#source.abilities.lockable) return;
    const LegalHold = { Status: held ? ("ON" as const) : ("OFF" as const) };
    await this.#each(names, async (connection, place) => {
      const { sdk } = connection;
      const asked = { ...place, LegalHold };
      await connection.telling((client) => client.send(new sdk.PutObjectLegalHoldCommand(asked)));
    });
  }

  async #each(
    names: readonly string[],
    work: (
      connection: S3Connection,
      place: { readonly Bucket: string; readonly Key: string },
    ) => Promise<void>,
  ): Promise<void> {
    const connection = await S3Connection.to(this.#source);
    const { settings } = this.#source;
    const left = names.values();
    const worker = async (): Promise<void> => {
      for (const name of left)
        await work(connection, { Bucket: settings.bucket, Key: keyOf(settings, name) });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
}
