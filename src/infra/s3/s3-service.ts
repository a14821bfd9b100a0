import { isIP } from "node:net";
import { resolve } from "node:path";
import type { S3LockPolicy, S3Settings } from "./s3-settings.ts";

/** How a bucket is reached, as flags, environment or a line of a file give it. */
export interface RawS3Service {
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
  readonly s3PathStyle?: boolean | undefined;
  readonly s3Credentials?: string | undefined;
  readonly s3ObjectLock?: string | undefined;
}

/** What to throw; `flag` names what was said. */
type Wrong = (flag: string, why: string) => Error;

const REGION = /^[A-Za-z0-9-]{1,64}$/;

export const textOf = (value: string | undefined): string | undefined =>
  value === undefined || value === "" ? undefined : value;

/** How to speak to the service, whatever lies there. */
export function s3ServiceOf(
  { s3Endpoint, s3Region, s3PathStyle, s3Credentials, s3ObjectLock }: RawS3Service,
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
