import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import pg from "pg";
import type { Address } from "./address.ts";

export interface ClientOptions {
  readonly password?: string | undefined;
  /** What the server's administrators see: at most 63 bytes. */
  readonly applicationName: string;
  /** Settings of the session from its beginning; `RESET` and `DISCARD` bring them back. */
  readonly settings?: { readonly [name: string]: string };
  /** Queries are sent without waiting for the answers to those before. */
  readonly pipeline?: boolean;
  /** After so long without an answer a connection is taken for lost, ms. Default: never. */
  readonly answerWithinMs?: number;
}

/** One connection. */
export type Client = pg.Client;

const CONNECT_MS = 10_000;

/**
 * Opens a connection. Rejects with the server's or the system's own error. A connection that is lost
 * later fails what is asked of it, and does not end the process.
 */
export async function openClient(address: Address, options: ClientOptions): Promise<Client> {
  const { sslmode = isLocal(address.host) ? "disable" : "prefer" } = address.parameters;
  const ssl = await sslOptions(address);
  if (sslmode === "disable") return connect(address, options, false);
  if (sslmode !== "prefer") return connect(address, options, ssl);
  try {
    return await connect(address, options, ssl);
  } catch (error) {
    if (!(error instanceof Error) || !/does not support SSL/.test(error.message)) throw error;
    return connect(address, options, false);
  }
}

async function connect(
  { host, port, user, database, parameters }: Address,
  { password, applicationName, settings = {}, pipeline = false, answerWithinMs }: ClientOptions,
  ssl: ConnectionOptions | false,
): Promise<Client> {
  const startup = Object.entries(settings).map(([name, value]) => `-c ${name}=${escaped(value)}`);
  const seconds = parameters.connect_timeout;
  const client = new pg.Client({
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port,
    user,
    database,
    // A function is asked only if the server wants one; the default would look into the environment.
    password: () => password ?? "",
    ssl,
    application_name: applicationName,
    connectionTimeoutMillis: seconds === undefined ? CONNECT_MS : Number(seconds) * 1000,
    keepAlive: true,
    pipeline,
    ...(answerWithinMs === undefined ? {} : { query_timeout: answerWithinMs }),
    ...(startup.length === 0 ? {} : { options: startup.join(" ") }),
  });
  // Without a listener a lost connection would end the process; queries tell of it too.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

const escaped = (value: string): string => value.replaceAll(/[\\ ]/g, (found) => `\\${found}`);

const isLocal = (host: string): boolean =>
  host.startsWith("/") || ["localhost", "127.0.0.1", "[::1]"].includes(host);

/** As libpq understands the modes: `require` encrypts, `verify-…` also looks who answers. */
async function sslOptions({ parameters }: Address): Promise<ConnectionOptions> {
  const { sslmode, sslrootcert, sslcert, sslkey } = parameters;
  const [ca, cert, key] = await Promise.all([fileOf(sslrootcert), fileOf(sslcert), fileOf(sslkey)]);
  const verifies = sslmode === "verify-full" || sslmode === "verify-ca" || ca !== undefined;
  return {
    rejectUnauthorized: verifies,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

const fileOf = async (path: string | undefined): Promise<string | undefined> =>
  path === undefined ? undefined : await readFile(path, "utf8");
