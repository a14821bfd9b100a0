import { backupStoreKnownTo } from "../../api/backup-place.ts";
import { DomainError } from "../../domain/shared/errors.ts";
import { CredentialsSource } from "../../infra/s3/s3-credentials.ts";
import { examineBucket } from "../../infra/s3/s3-check.ts";
import { s3Url, type S3Settings } from "../../infra/s3/s3-settings.ts";
import { namedBackups } from "../client/named-backups.ts";
import { fine, odd, wrong, type Examined } from "./examined.ts";

const WHAT = "backups";
/** Clocks may differ by so much before it is worth a word, ms. */
const SKEW_MS = 60_000;

/** Whether backups can be put where they are to go: a bucket is tried out. */
export async function examineBucketOf(data: string): Promise<Examined[]> {
  try {
    const { backupStore = await backupStoreKnownTo({ data }) } = namedBackups();
    if (backupStore === "local")
      return [fine(WHAT, "in the data directory; copies elsewhere are yours to make")];
    return await tried(backupStore);
  } catch (error) {
    if (error instanceof DomainError) return [wrong(WHAT, error.message, error.hint ?? "")];
    throw error;
  }
}

async function tried(settings: S3Settings): Promise<Examined[]> {
  const keys = await new CredentialsSource(settings).get();
  const { abilities, clockOffMs } = await examineBucket(settings, keys);
  const { conditional, versioned, lockable } = abilities;
  const does = [
    conditional ? "conditional writes" : "no conditional writes",
    versioned ? "versions" : "no versions",
    lockable
      ? settings.lock === undefined
        ? "Object Lock, not asked for"
        : "Object Lock"
      : "no Object Lock",
  ];
  const found = [
    fine(WHAT, `${s3Url(settings)} can be written, read and cleared: ${does.join(", ")}`),
  ];
  if (Math.abs(clockOffMs) > SKEW_MS)
    found.push(
      odd(
        "bucket's clock",
        `differs from the one here by ${Math.round(clockOffMs / 1000)} s`,
        "Set this machine's clock by a time service",
      ),
    );
  return found;
}
