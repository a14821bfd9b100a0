import { createServer, STATUS_CODES, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Unavailable } from "../domain/shared/errors.ts";
import { readTls, watchTls, type TlsFiles } from "./manners/tls-files.ts";

/** How long clients may take, and how much of the service they may hold meanwhile. */
export interface Patience {
  /** For a request's headers. */
  readonly headersMs: number;
  /** For the whole request: long enough for 32 MiB of migrations over a slow line. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** How often it is looked for requests that take too long. */
  readonly lookMs: number;
  /** For requests under way when the server closes: whatever is not sent by then is broken off. */
  readonly closeMs: number;
  /** Connections at once; the next ones are closed. */
  readonly connections: number;
  /** How often it is looked whether the certificate has changed. */
  readonly certificateMs: number;
}

const USUAL: Patience = {
  headersMs: 15_000,
  requestMs: 120_000,
  keepAliveMs: 5_000,
  lookMs: 2_000,
  closeMs: 10_000,
  connections: 2_000,
  certificateMs: 10_000,
};
/** Of all headers of a request together, bytes. */
const MAX_HEADERS = 16 << 10;

/** Where to listen, and how. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
}

export interface ServerOptions {
  /** Called when the server closes, so that streams and waits end. */
  readonly stop: () => void;
  /** Called with what nobody waits for: a certificate that cannot be read. */
  readonly report: (error: unknown) => void;
  readonly patience?: Partial<Patience>;
}

export interface RunningServer {
  /** `http://HOST:PORT`, or https. */
  readonly url: string;
  /** Stops accepting, ends streams and idle connections, lets running requests finish. Idempotent. */
  close(): Promise<void>;
}

/** Listens. Errors: Unavailable cannot-listen; InvalidInput tls-files-invalid. */
export async function startServer(
  app: RequestListener,
  address: Address,
  options: ServerOptions,
): Promise<RunningServer> {
  const patience = { ...USUAL, ...options.patience };
  const { server, unwatch } = await serverOf(app, address, patience, options.report);
  server.maxConnections = patience.connections;
  server.on("clientError", refuseBroken);
  // Whoever asks whether to send a body is told by who reads it: what is refused need not come.
  server.on("checkContinue", app);
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  let closing: Promise<void> | undefined;
  return {
    url: `${address.tls === undefined ? "http" : "https"}://${host}:${port}`,
    close: () => {
      unwatch();
      closing ??= close(server, options.stop, patience.closeMs);
      return closing;
    },
  };
}

async function serverOf(
  app: RequestListener,
  { tls }: Address,
  patience: Patience,
  report: (error: unknown) => void,
): Promise<{ readonly server: Server; readonly unwatch: () => void }> {
  const options = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    keepAliveTimeout: patience.keepAliveMs,
    connectionsCheckingInterval: patience.lookMs,
    maxHeaderSize: MAX_HEADERS,
  };
  if (tls === undefined) return { server: createServer(options, app), unwatch: () => {} };
  const secret = await readTls(tls);
  const server = createTlsServer(
    { ...options, ...secret, handshakeTimeout: patience.headersMs },
    app,
  );
  // No answer can be sent to whom no handshake was made with: ending it politely would never end.
  server.on("tlsClientError", (_, socket) => socket.destroy());
  const renew = (fresh: typeof secret): void => server.setSecureContext(fresh);
  return { server, unwatch: watchTls(tls, patience.certificateMs, renew, report) };
}

function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(
        new Unavailable("cannot-listen", `Cannot listen on ${host}:${port}: ${error.message}`, {
          hint: "Choose another --port or --host",
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

/** A client that sends or reads too slowly does not keep the service from stopping. */
function close(server: Server, stop: () => void, graceMs: number): Promise<void> {
  stop();
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close((error) => {
      clearTimeout(limit);
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeIdleConnections();
  });
}

/** Node found no request in what was sent: there is no response object yet to answer with. */
function refuseBroken(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, code, detail] = brokenBy(error.code);
  const body = JSON.stringify({
    type: `urn:schemaledger:problem:${code}`,
    title: STATUS_CODES[status],
    status,
    detail,
    code,
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function brokenBy(code: string | undefined): [status: number, code: string, detail: string] {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, "headers-too-large", "The request's headers are too large"];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "request-timeout", "The request took too long to arrive"];
    case undefined:
    default:
      return [400, "malformed-request", "The request is not valid HTTP"];
  }
}
