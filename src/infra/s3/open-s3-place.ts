import { S3Place } from "./s3-place.ts";
import { CredentialsSource } from "./s3-credentials.ts";
import type { S3Abilities, S3Settings } from "./s3-settings.ts";

/** Opens a bucket as a place for backups; tries it out unless its abilities are known. */
export async function openS3Place(
  settings: S3Settings,
  scratch: string,
  known?: S3Abilities,
): Promise<S3Place> {
  const keys = new CredentialsSource(settings);
  const credentials = () => keys.get();
  if (known !== undefined) return new S3Place({ settings, abilities: known, credentials }, scratch);
  const { examineBucket } = await import("./s3-check.ts");
  const { abilities } = await examineBucket(settings, await keys.get());
  return new S3Place({ settings, abilities, credentials }, scratch);
}
