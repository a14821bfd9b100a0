import { readFile } from "node:fs/promises";
import { InvalidInput } from "../../domain/shared/errors.ts";
import { loadSdk } from "./s3-connection.ts";
import { s3Error } from "./s3-errors.ts";
import type { S3Credentials, S3Settings } from "./s3-settings.ts";

/** Keys without an end are looked up again after so long: somebody may have changed them. */
const LOOK_AGAIN_MS = 60_000;
/** Keys with an end are renewed so long before it, that whoever is given them can finish. */
const AHEAD_MS = 20 * 60_000;

/**
 * The access keys of this process: from the file that the settings name, else from where programs for
 * AWS look (environment, `~/.aws`, container, instance). Kept in memory alone.
 */
export class CredentialsSource {
  readonly #settings: S3Settings;
  #known: { readonly keys: S3Credentials; readonly until: number } | undefined;
  #asking: Promise<S3Credentials> | undefined;

  constructor(settings: S3Settings) {
    this.#settings = settings;
  }

  async get(): Promise<S3Credentials> {
    if (this.#known !== undefined && Date.now() < this.#known.until) return this.#known.keys;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<S3Credentials> {
    const { credentialsFile } = this.#settings;
    const asked = Date.now();
    const keys =
      credentialsFile === undefined
        ? await this.#usual()
        : parseCredentials(credentialsFile, await read(credentialsFile));
    const end = keys.expiration === undefined ? Infinity : Date.parse(keys.expiration);
    const half = asked + (end - asked) / 2;
    const until = end === Infinity ? asked + LOOK_AGAIN_MS : Math.max(end - AHEAD_MS, half);
    this.#known = { keys, until };
    return keys;
  }

  async #usual(): Promise<S3Credentials> {
    const { S3Client } = await loadSdk();
    const client = new S3Client({ region: this.#settings.region });
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } =
        await client.config.credentials();
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...(expiration === undefined ? {} : { expiration: expiration.toISOString() }),
      };
    } catch (error) {
      throw s3Error(error, this.#settings);
    } finally {
      client.destroy();
    }
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw invalid(file, `it cannot be read: ${why}`);
  }
}

/**
 * A file as `~/.aws/credentials`: the section `default`, or lines outside of any. Error: InvalidInput
 * bucket-credentials-file-invalid, which says nothing of what is in it.
 */
export function parseCredentials(file: string, text: string): S3Credentials {
  const members = new Map<string, string>();
  let section = "default";
  for (const line of text.split(/\r?\n/)) {
    const [, head] = /^\s*\[\s*([^\]]*?)\s*\]\s*$/.exec(line) ?? [];
    if (head !== undefined) section = head;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (section === "default" && name !== undefined) members.set(name, value!);
  }
  const accessKeyId = members.get("aws_access_key_id");
  const secretAccessKey = members.get("aws_secret_access_key");
  const sessionToken = members.get("aws_session_token");
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw invalid(file, "it lacks aws_access_key_id or aws_secret_access_key");
  const token = sessionToken === undefined ? {} : { sessionToken };
  return { accessKeyId, secretAccessKey, ...token };
}

const invalid = (file: string, why: string): InvalidInput =>
  new InvalidInput("bucket-credentials-file-invalid", `${file}: ${why}`, {
    hint: "It has two lines: aws_access_key_id = … and aws_secret_access_key = …",
  });
