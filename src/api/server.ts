import type { Express } from "express";
import { createServer, STATUS_CODES, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Unavailable } from "../domain/shared/errors.ts";

const HEADERS_TIMEOUT_MS = 15_000;
/** Long enough for 32 MiB of migrations over a slow line. */
const REQUEST_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 5_000;

export interface RunningServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Stops accepting, ends streams and idle connections, lets running requests finish. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens. `stop` is called when the server closes, so that streams and waits end. Errors:
 * Unavailable cannot-listen.
 */
export async function startServer(
  app: Express,
  address: { readonly host: string; readonly port: number },
  stop: () => void,
): Promise<RunningServer> {
  const server = createServer(app);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on("clientError", refuseBroken);
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    close: () => {
      closing ??= close(server, stop);
      return closing;
    },
  };
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

function close(server: Server, stop: () => void): Promise<void> {
  stop();
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
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
