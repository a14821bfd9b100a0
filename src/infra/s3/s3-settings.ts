import { InvalidInput } from "../../domain/shared/errors.ts";

/** Where in an object storage service something lies, and how to speak to it. No secrets. */
export interface S3Settings {
  readonly bucket: string;
  /** What names of objects begin with, without a slash at its ends; empty: nothing. */
  readonly prefix: string;
  /** Absent: AWS. */
  readonly endpoint?: string;
  readonly region: string;
  /** `host/bucket/key` instead of `bucket.host/key`. */
  readonly pathStyle: boolean;
  /** Objects of backups cannot be removed by anybody for so long. */
  readonly lock?: S3LockPolicy;
  /** A file of access keys in place of the usual places. */
  readonly credentialsFile?: string;
  /** For tests of slow and failing servers. */
  readonly patience?: S3Patience;
}

export interface S3LockPolicy {
  readonly mode: "GOVERNANCE" | "COMPLIANCE";
  readonly days: number;
}

export interface S3Patience {
  /** Of one request, the first included; with growing, random pauses. */
  readonly attempts: number;
  readonly connectMs: number;
  /** Without a byte. */
  readonly idleMs: number;
  /** Of one attempt. */
  readonly attemptMs: number;
}

export const PATIENCE: S3Patience = {
  attempts: 5,
  connectMs: 5000,
  idleMs: 20_000,
  attemptMs: 60_000,
};

/** What the check at the start found that a bucket does. */
export interface S3Abilities {
  /** `If-None-Match: *` keeps an object from being written over. */
  readonly conditional: boolean;
  readonly versioned: boolean;
  /** Object Lock is on. */
  readonly lockable: boolean;
}

/** Of a bucket that nobody has looked at. */
export const NO_ABILITIES: S3Abilities = {
  conditional: false,
  versioned: false,
  lockable: false,
};

/** Access keys, on their way to the process that uses them: never recorded. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** RFC 3339; absent: they do not expire. */
  readonly expiration?: string;
}

/** Everything a process needs to read and write objects. Plain JSON. */
export interface S3Access {
  readonly settings: S3Settings;
  readonly abilities: S3Abilities;
  readonly credentials: S3Credentials;
}

/** As `S3Access`, in a process that can renew its keys. */
export interface S3Source {
  readonly settings: S3Settings;
  readonly abilities: S3Abilities;
  readonly credentials: () => Promise<S3Credentials>;
}

/** In a process that was given its keys. */
export const fixedSource = ({ settings, abilities, credentials }: S3Access): S3Source => ({
  settings,
  abilities,
  credentials: () => Promise.resolve(credentials),
});

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[0-9A-Za-z_.=+-]+(?:\/[0-9A-Za-z_.=+-]+)*$/;

export const isS3Url = (text: string): boolean => text.startsWith("s3://");

/** Bucket and prefix of `s3://bucket/prefix`. Error: InvalidInput bucket-url-invalid. */
export function parseS3Url(text: string): Pick<S3Settings, "bucket" | "prefix"> {
  const [, bucket = "", rest = ""] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(text) ?? [];
  const prefix = rest.replace(/\/+$/, "");
  const isPath = prefix.split("/").some((part) => part === "." || part === "..");
  if (BUCKET.test(bucket) && !isPath && (prefix === "" || PREFIX.test(prefix)))
    return { bucket, prefix };
  throw new InvalidInput("bucket-url-invalid", `${JSON.stringify(text)} is no s3://bucket/prefix`, {
    hint: "A bucket has 3 to 63 small letters, digits, dots and dashes; a prefix letters, digits and . _ - = + between slashes",
  });
}

/** As people write it, and the ledger records it. */
export const s3Url = ({ bucket, prefix }: Pick<S3Settings, "bucket" | "prefix">): string =>
  `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;

/** The whole key of an object. */
export const keyOf = ({ prefix }: S3Settings, name: string): string =>
  prefix === "" ? name : `${prefix}/${name}`;
