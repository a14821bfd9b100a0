import { S3Place } from "./s3-place.ts";
import { CredentialsSource } from "./s3-credentials.ts";
import { S3ExportPlace } from "./s3-export-place.ts";
import type { S3Abilities, S3Settings, S3Source } from "./s3-settings.ts";

/** Opens a bucket as a place for backups; tries it out unless its abilities are known. */
export async function openS3Place(
  settings: S3Settings,
  scratch: string,
  known?: S3Abilities,
): Promise<S3Place> {
  return new S3Place(await sourceOf(settings, known), scratch);
}

/** The same for an export of the log. */
export async function openS3Export(settings: S3Settings): Promise<S3ExportPlace> {
  return new S3ExportPlace(await sourceOf(settings));
}

async function sourceOf(settings: S3Settings, known?: S3Abilities): Promise<S3Source> {
  const keys = new CredentialsSource(settings);
  const credentials = () => keys.get();
  if (known !== undefined) return { settings, abilities: known, credentials };
  const { examineBucket } = await import("./s3-check.ts");
  const { abilities } = await examineBucket(settings, await keys.get());
  return { settings, abilities, credentials };
}
