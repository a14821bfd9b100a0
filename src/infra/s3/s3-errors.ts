import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { s3Url, type S3Settings } from "./s3-settings.ts";

/** What an error of the client may carry. */
interface S3Fault {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const CREDENTIALS: ReadonlySet<string> = new Set([
  "CredentialsProviderError",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "InvalidToken",
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
]);
const REGION: ReadonlySet<string> = new Set([
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
  "IllegalLocationConstraintException",
]);
const UNREACHABLE: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_STREAM_PREMATURE_CLOSE",
]);
const FULL: ReadonlySet<string> = new Set([
  "QuotaExceeded",
  "InsufficientCapacity",
  "XMinioStorageFull",
]);

export const statusOf = (error: unknown): number | undefined =>
  isFault(error) ? error.$metadata?.httpStatusCode : undefined;

export const nameOf = (error: unknown): string => (isFault(error) ? error.name : "");

export const isMissingObject = (error: unknown): boolean =>
  statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket" && nameOf(error) !== "NoSuchUpload";

const isFault = (error: unknown): error is S3Fault => error instanceof Error;

/** Whatever the service or the way to it refused, in the words of the store. */
export function s3Error(error: unknown, settings: S3Settings): DomainError {
  if (error instanceof DomainError) return error;
  const fault: S3Fault = isFault(error) ? error : new Error(String(error));
  const where = s3Url(settings);
  const cause = [fault.name, fault.code, fault.$metadata?.httpStatusCode].filter(Boolean).join(" ");
  const known = kindOf(fault);
  const [code, message, hint] = TELL[known](where, settings);
  return new Unavailable(code, `${message} (${cause})`, { hint, details: { cause: safe(fault) } });
}

type Kind =
  | "bucket"
  | "credentials"
  | "clock"
  | "region"
  | "denied"
  | "full"
  | "unreachable"
  | "unable"
  | "other";

function kindOf({ name, code = "", message, $metadata }: S3Fault): Kind {
  const status = $metadata?.httpStatusCode ?? 0;
  if (name === "NoSuchBucket") return "bucket";
  if (name === "RequestTimeTooSkewed") return "clock";
  if (CREDENTIALS.has(name)) return "credentials";
  if (REGION.has(name) || status === 301) return "region";
  if (FULL.has(name) || status === 507) return "full";
  if (status === 403 || status === 401) return "denied";
  if (name === "NotImplemented" || status === 501) return "unable";
  const isNetwork =
    UNREACHABLE.has(code) || name === "TimeoutError" || name === "AbortError" || status >= 500;
  return isNetwork || status === 429 || /socket hang up|aborted/.test(message)
    ? "unreachable"
    : "other";
}

type Told = readonly [code: string, message: string, hint: string];

const TELL: { readonly [kind in Kind]: (where: string, settings: S3Settings) => Told } = {
  bucket: (where, { bucket }) => [
    "bucket-missing",
    `There is no bucket for ${where}`,
    `Make the bucket ${bucket}, or correct the name; with another endpoint or region it may be there`,
  ],
  credentials: (where) => [
    "bucket-credentials-wrong",
    `The service of ${where} does not take the access keys`,
    "Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in ~/.aws, or --s3-credentials; keys that expire must be fresh",
  ],
  clock: (where) => [
    "bucket-clock-skewed",
    `The clock here and that of ${where} differ by more than the service takes`,
    "Set this machine's clock by a time service, then try again",
  ],
  region: (where, { region }) => [
    "bucket-region-wrong",
    `The bucket of ${where} is not in region ${region}`,
    "Name its region with --s3-region, and its endpoint with --s3-endpoint if it is not AWS",
  ],
  denied: (where) => [
    "bucket-access-denied",
    `The access keys do not allow this at ${where}`,
    "docs/guides/s3-backups.md has the permissions that are needed: list, read, write, delete, and those for locks",
  ],
  full: (where) => [
    "backup-store-full",
    `The backup store ${where} has no space left`,
    "Raise the quota, or free space: prune backups that the policy does not keep",
  ],
  unreachable: (where, { endpoint = "AWS" }) => [
    "bucket-unreachable",
    `${where} at ${endpoint} does not answer, or not in time`,
    "See that the endpoint is right and can be reached from here, then try again",
  ],
  unable: (where) => [
    "bucket-unable",
    `The service of ${where} does not do what is needed`,
    "docs/guides/s3-backups.md says what a service must offer",
  ],
  other: (where) => [
    "backup-store-failed",
    `The backup store ${where} failed`,
    "See what the cause says, then try again",
  ],
};

/** The service's own words, which name no secrets; keys in them are left out. */
const safe = ({ message, name }: S3Fault): string =>
  (message === "UnknownError" || message === "" ? name : message)
    .replaceAll(/\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b/g, "…")
    .slice(0, 300);
