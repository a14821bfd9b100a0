import { isIP } from "node:net";
import { resolve } from "node:path";
import { DomainError } from "../domain/shared/errors.ts";
import {
  isS3Url,
  parseS3Url,
  type S3LockPolicy,
  type S3Settings,
} from "../infra/s3/s3-settings.ts";

/** Where backups lie, as it may be said: a bucket, or `local` for the data directory. */
export type BackupStoreSetting = S3Settings | "local";

/** As flags or environment give it. */
export interface RawS3 {
  readonly backups?: string | undefined;
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
  readonly s3PathStyle?: boolean | undefined;
  readonly s3Credentials?: string | undefined;
  readonly s3ObjectLock?: string | undefined;
}

type Wrong = (flag: string, why: string) => Error;

const REGION = /^[A-Za-z0-9-]{1,64}$/;

/** Undefined: nothing is said of it. */
export function backupStoreOf(raw: RawS3, wrong: Wrong): BackupStoreSetting | undefined {
  const { backups } = raw;
  const stray = STRAY.find(([name]) => raw[name] !== undefined && raw[name] !== false);
  if (stray !== undefined && (backups === undefined || backups === "local"))
    throw wrong(stray[1], "it says how to reach a bucket, and --backups names none");
  if (backups === undefined || backups === "local") return backups;
  if (!isS3Url(backups))
    throw wrong("--backups", `${JSON.stringify(backups)} is neither s3://bucket/prefix nor local`);
  return { ...placeOf(backups, wrong), ...serviceOf(raw, wrong) };
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

const textOf = (value: string | undefined): string | undefined =>
  value === undefined || value === "" ? undefined : value;

function placeOf(url: string, wrong: Wrong): Pick<S3Settings, "bucket" | "prefix"> {
  try {
    return parseS3Url(url);
  } catch (error) {
    if (error instanceof DomainError) throw wrong("--backups", error.message);
    throw error;
  }
}

/** How to speak to the service, whatever lies there. */
export function serviceOf(
  { s3Endpoint, s3Region, s3PathStyle, s3Credentials, s3ObjectLock }: RawS3,
  wrong: Wrong,
): Omit<S3Settings, "bucket" | "prefix"> {
  const endpoint = s3Endpoint === undefined ? undefined : endpointOf(s3Endpoint, wrong);
  const region =
    s3Region ?? textOf(process.env["AWS_REGION"]) ?? textOf(process.env["AWS_DEFAULT_REGION"]);
  if (region !== undefined && !REGION.test(region))
    throw wrong("--s3-region", `${JSON.stringify(region)} is no name of a region`);
  return {
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href.replace(/\/$/, "") }),
    region: region ?? "us-east-1",
    // An address has no names below it.
    pathStyle: s3PathStyle === true || (endpoint !== undefined && isAddress(endpoint)),
    ...(s3Credentials === undefined ? {} : { credentialsFile: resolve(s3Credentials) }),
    ...(s3ObjectLock === undefined ? {} : { lock: lockOf(s3ObjectLock, wrong) }),
  };
}

const isAddress = ({ hostname }: URL): boolean =>
  isIP(hostname.replaceAll(/[[\]]/g, "")) !== 0 || hostname === "localhost";

function endpointOf(text: string, wrong: Wrong): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw wrong("--s3-endpoint", `${JSON.stringify(text)} is no http or https address`);
  if (url.username !== "" || url.password !== "")
    throw wrong("--s3-endpoint", "access keys do not belong in an address");
  return url;
}

function lockOf(text: string, wrong: Wrong): S3LockPolicy {
  const [, mode, days] = /^(governance|compliance):([1-9]\d{0,4})$/i.exec(text) ?? [];
  if (mode !== undefined && Number(days) <= 36_500)
    return { mode: mode.toUpperCase() as S3LockPolicy["mode"], days: Number(days) };
  throw wrong(
    "--s3-object-lock",
    `${JSON.stringify(text)} is not governance:DAYS or compliance:DAYS`,
  );
}
