import type { BackupPlace, RecordedPlace, StorePlace } from "../page-store/backup-place.ts";
import { S3ObjectStore } from "./s3-object-store.ts";
import { s3Url, type S3Abilities, type S3Source } from "./s3-settings.ts";

/** A bucket, or what lies under a prefix of one. */
export class S3Place implements BackupPlace {
  readonly recorded: RecordedPlace;
  readonly abilities: S3Abilities;
  readonly objects: S3ObjectStore;
  readonly scratch: string;
  readonly #source: S3Source;

  /** `scratch`: an absolute path on this machine. */
  constructor(source: S3Source, scratch: string) {
    const { settings, abilities } = source;
    this.recorded = { url: s3Url(settings), endpoint: settings.endpoint ?? null };
    this.abilities = abilities;
    this.objects = new S3ObjectStore(source);
    this.scratch = scratch;
    this.#source = source;
  }

  async forOthers(): Promise<StorePlace> {
    const { settings, abilities } = this.#source;
    const credentials = await this.#source.credentials();
    return { kind: "s3", access: { settings, abilities, credentials } };
  }
}
