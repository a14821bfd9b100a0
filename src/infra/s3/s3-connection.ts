import { hash } from "node:crypto";
import type * as Sdk from "@aws-sdk/client-s3";
import { Unavailable } from "../../domain/shared/errors.ts";
import { nameOf, s3Error } from "./s3-errors.ts";
import { PATIENCE, type S3Access, type S3Source } from "./s3-settings.ts";

export type S3Sdk = typeof Sdk;

const ABSENT: ReadonlySet<string> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/** The client's package, loaded by whoever uses a bucket and by nobody else. */
export async function loadSdk(): Promise<S3Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && ABSENT.has(String(error.code)))) throw error;
    throw new Unavailable(
      "bucket-client-missing",
      "The package @aws-sdk/client-s3 is not installed",
      {
        hint: "npm install @aws-sdk/client-s3: it is an optional dependency, left out by --omit=optional",
      },
    );
  }
}

/** Speaks to one bucket. */
export class S3Connection {
  readonly access: S3Access;
  readonly sdk: S3Sdk;
  readonly #client: Sdk.S3Client;

  private constructor(access: S3Access, sdk: S3Sdk) {
    const { settings, credentials } = access;
    const { attempts, connectMs, idleMs, attemptMs } = settings.patience ?? PATIENCE;
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const token = sessionToken === undefined ? {} : { sessionToken };
    this.access = access;
    this.sdk = sdk;
    this.#client = new sdk.S3Client({
      region: settings.region,
      ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
      forcePathStyle: settings.pathStyle,
      credentials: { accessKeyId, secretAccessKey, ...token },
      maxAttempts: attempts,
      // Others than AWS may not know the checksums that the client would add: ours are given by name.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: {
        connectionTimeout: connectMs,
        socketTimeout: idleMs,
        requestTimeout: attemptMs,
        throwOnRequestTimeout: true,
        httpAgent: { keepAlive: true, maxSockets: 64 },
        httpsAgent: { keepAlive: true, maxSockets: 64 },
      },
    });
  }

  /** Connections are kept for as long as the process asks with the same access. */
  static async to({ settings, abilities, credentials }: S3Source): Promise<S3Connection> {
    const access: S3Access = { settings, abilities, credentials: await credentials() };
    const key = hash("sha256", JSON.stringify(access));
    let connection = connections.get(key);
    if (connection === undefined) {
      connection = loadSdk().then((sdk) => new S3Connection(access, sdk));
      connection.catch(() => connections.delete(key));
      // Access keys that expire come anew each time: only the latest are worth keeping.
      if (connections.size >= MOST_KEPT) connections.delete(connections.keys().next().value!);
      connections.set(key, connection);
    }
    return connection;
  }

  /** Answers of the client as they are, and its errors. */
  get client(): Pick<Sdk.S3Client, "send"> {
    return this.#client;
  }

  /** How far the client had to correct this machine's clock by the service's answers, ms. */
  clockOffMs(): Promise<number> {
    return Promise.resolve(this.#client.config.systemClockOffset);
  }

  /** Does `work`, telling failures in the words of the store. */
  async telling<T>(work: (client: Pick<Sdk.S3Client, "send">) => Promise<T>): Promise<T> {
    try {
      return await work(this.#client).catch((error: unknown) => {
        // The answer told the client what time it is there: mostly the next request is right.
        if (nameOf(error) === "RequestTimeTooSkewed") return work(this.#client);
        throw error;
      });
    } catch (error) {
      throw s3Error(error, this.access.settings);
    }
  }
}

const MOST_KEPT = 4;
const connections = new Map<string, Promise<S3Connection>>();
