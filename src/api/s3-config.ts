import { DomainError } from "../domain/shared/errors.ts";
import { s3ServiceOf, textOf, type RawS3Service } from "../infra/s3/s3-service.ts";
import { isS3Url, parseS3Url, type S3Settings } from "../infra/s3/s3-settings.ts";

/** Where backups lie, as it may be said: a bucket, or `local` for the data directory. */
export type BackupStoreSetting = S3Settings | "local";

/** As flags or environment give it. */
export interface RawS3 extends RawS3Service {
  readonly backups?: string | undefined;
}

type Wrong = (flag: string, why: string) => Error;

/** Undefined: nothing is said of it. */
export function backupStoreOf(raw: RawS3, wrong: Wrong): BackupStoreSetting | undefined {
  const { backups } = raw;
  const stray = STRAY.find(([name]) => raw[name] !== undefined && raw[name] !== false);
  if (stray !== undefined && (backups === undefined || backups === "local"))
    throw wrong(stray[1], "it says how to reach a bucket, and --backups names none");
  if (backups === undefined || backups === "local") return backups;
  if (!isS3Url(backups))
    throw wrong("--backups", `${JSON.stringify(backups)} is neither s3://bucket/prefix nor local`);
  return { ...placeOf(backups, wrong), ...s3ServiceOf(raw, wrong) };
}

const STRAY = [
  ["s3Endpoint", "--s3-endpoint"],
  ["s3Region", "--s3-region"],
  ["s3PathStyle", "--s3-path-style"],
  ["s3Credentials", "--s3-credentials"],
  ["s3ObjectLock", "--s3-object-lock"],
] as const;

/** The same from the environment, for commands on a data directory. */
export const s3FromEnvironment = (env: NodeJS.ProcessEnv): RawS3 => ({
  backups: textOf(env["SCHEMALEDGER_BACKUPS"]),
  s3Endpoint: textOf(env["SCHEMALEDGER_S3_ENDPOINT"]),
  s3Region: textOf(env["SCHEMALEDGER_S3_REGION"]),
  s3PathStyle: textOf(env["SCHEMALEDGER_S3_PATH_STYLE"]) === undefined ? undefined : true,
  s3Credentials: textOf(env["SCHEMALEDGER_S3_CREDENTIALS"]),
  s3ObjectLock: textOf(env["SCHEMALEDGER_S3_OBJECT_LOCK"]),
});

function placeOf(url: string, wrong: Wrong): Pick<S3Settings, "bucket" | "prefix"> {
  try {
    return parseS3Url(url);
  } catch (error) {
    if (error instanceof DomainError) throw wrong("--backups", error.message);
    throw error;
  }
}
