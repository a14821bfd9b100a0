import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parseVerifierKey } from "../../domain/ledger/verifier-key.ts";
import type { Digest } from "../../domain/shared/digest.ts";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { s3ServiceOf } from "../s3/s3-service.ts";
import { isS3Url, parseS3Url, type S3Settings } from "../s3/s3-settings.ts";
import type { WitnessAddress } from "../witness/witness-client.ts";

/** A time stamping authority and the certificates that its tokens must be signed with. */
export interface TimestampAddress {
  readonly url: string;
  /** PEM: its own certificate, then perhaps those of who issued it. */
  readonly certificates: string;
}

/** Where an export goes. */
export interface ExportAddress {
  /** Absolute, or absent: it is a bucket. */
  readonly directory?: string;
  readonly bucket?: S3Settings;
  readonly payloads: boolean;
}

export interface AnchorsConfig {
  readonly exports: readonly ExportAddress[];
  readonly witnesses: readonly WitnessAddress[];
  readonly timestamps: readonly TimestampAddress[];
  /** Seconds between two looks whether there is something new to publish. */
  readonly publishEvery: number;
  /** Seconds between time stamps, and between heartbeats while nothing happens. */
  readonly anchorEvery: number;
}

const DEFAULTS = { publishEvery: 10, anchorEvery: 3600 };

/** No anchors: heartbeats alone. */
export const NO_ANCHORS: AnchorsConfig = {
  exports: [],
  witnesses: [],
  timestamps: [],
  ...DEFAULTS,
};

/**
 * Reads a file of anchors; a missing one has none. A line each, `#` begins a comment:
 * `export <directory> [log-only]` · `export s3://<bucket>/<prefix> [log-only] [endpoint=<url>]
 * [region=<name>] [path-style] [credentials=<file>] [lock=<mode:days>]` · `witness <name> <verifier key> <url>` ·
 * `timestamp <url> <certificates.pem>` · `publish-every <seconds>` · `anchor-every <seconds>`.
 * Errors: InvalidInput anchors-file-wrong.
 */
export async function readAnchorsFile(file: string, digest: Digest): Promise<AnchorsConfig> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return NO_ANCHORS;
    throw error;
  }
  const config = {
    exports: [] as AnchorsConfig["exports"][number][],
    witnesses: [] as WitnessAddress[],
    timestamps: [] as TimestampAddress[],
    ...DEFAULTS,
  };
  const near = (path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));
  for (const [number, line] of text.split("\n").entries()) {
    const [word, ...rest] = line.replace(/#.*/, "").trim().split(/\s+/);
    const wrong = (why: string): InvalidInput =>
      new InvalidInput("anchors-file-wrong", `${file}, line ${number + 1}: ${why}`, {
        hint: "docs/reference/anchors.md shows what it may say",
      });
    if (word === "" || word === undefined) continue;
    if (word === "export" && rest[0] !== undefined && isS3Url(rest[0]))
      config.exports.push(bucketOf(rest[0], rest.slice(1), near, wrong));
    else if (
      word === "export" &&
      rest[0] !== undefined &&
      [undefined, "log-only"].includes(rest[1])
    )
      config.exports.push({ directory: near(rest[0]), payloads: rest[1] === undefined });
    else if (word === "witness" && rest.length === 3) {
      const [name, key, url] = rest as [string, string, string];
      config.witnesses.push({ name, key: parseVerifierKey(digest, key), url: urlOf(url, wrong) });
    } else if (word === "timestamp" && rest.length === 2) {
      const certificates = await readFile(near(rest[1]!), "utf8").catch(() => {
        throw wrong(`${rest[1]} cannot be read`);
      });
      config.timestamps.push({ url: urlOf(rest[0]!, wrong), certificates });
    } else if (word === "publish-every") config.publishEvery = seconds(rest[0], wrong);
    else if (word === "anchor-every") config.anchorEvery = seconds(rest[0], wrong);
    else throw wrong(`it says ${JSON.stringify(line.trim().slice(0, 80))}`);
  }
  return config;
}

/** The words behind the bucket are those of the service's flags. */
function bucketOf(
  url: string,
  words: readonly string[],
  near: (path: string) => string,
  wrong: (why: string) => InvalidInput,
): ExportAddress {
  const valueOf = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const strange = words.find(
    (word) => !/^(log-only|path-style|(endpoint|region|credentials|lock)=.+)$/.test(word),
  );
  if (strange !== undefined) throw wrong(`${strange} is nothing that can be said of a bucket`);
  const file = valueOf("credentials");
  const said = {
    s3Endpoint: valueOf("endpoint"),
    s3Region: valueOf("region"),
    s3PathStyle: words.includes("path-style"),
    s3Credentials: file === undefined ? undefined : near(file),
    s3ObjectLock: valueOf("lock"),
  };
  const service = s3ServiceOf(said, (_, why) => wrong(why));
  return { bucket: { ...parseS3Url(url), ...service }, payloads: !words.includes("log-only") };
}

function urlOf(text: string, wrong: (why: string) => InvalidInput): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw wrong(`${text} is no http or https address`);
}

function seconds(text: string | undefined, wrong: (why: string) => InvalidInput): number {
  const number = Number(text);
  if (text !== undefined && number > 0 && number <= 31_536_000) return number;
  throw wrong("a number of seconds above 0 is needed");
}
