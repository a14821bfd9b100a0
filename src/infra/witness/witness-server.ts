import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Unavailable } from "../../domain/shared/errors.ts";
import type { Witness, WitnessAnswer } from "../../domain/witness/witness.ts";
import type { FileWitnessStore } from "./file-witness-store.ts";

/** 63 hashes and a note with many signatures stay well below it. */
const BODY_LIMIT = 64 * 1024;
const TIMEOUT_MS = 15_000;

export interface WitnessServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the protocol: `POST /add-checkpoint`, `GET /<hex of sha256(origin)>/checkpoint`. */
export async function serveWitness(
  witness: Witness,
  store: FileWitnessStore,
  address: { readonly host: string; readonly port: number },
  onError: (error: unknown) => void,
): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    answer(witness, store, request, response).catch((error: unknown) => {
      onError(error);
      if (!response.headersSent) send(response, 500, "The witness failed\n");
      else response.destroy();
    });
  });
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Unavailable("cannot-listen", `Cannot listen: ${error.message}`)),
    );
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  witness: Witness,
  store: FileWitnessStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name] = /^\/([0-9a-f]{64})\/checkpoint$/.exec(request.url ?? "") ?? [];
  if (request.method === "GET" && name !== undefined) {
    const note = await store.newestOf(name);
    return note === undefined ? send(response, 404, "Unknown log\n") : send(response, 200, note);
  }
  if (request.url !== "/add-checkpoint") return send(response, 404, "Nothing is here\n");
  if (request.method !== "POST") return send(response, 405, "Use POST\n");
  const body = await bodyOf(request);
  if (body === undefined) return send(response, 413, "The request is too large\n");
  return sendAnswer(response, await witness.addCheckpoint(body));
}

function sendAnswer(response: ServerResponse, answered: WitnessAnswer): void {
  if (answered.status === 200) return send(response, 200, answered.lines);
  if (answered.status === 409) return send(response, 409, `${answered.size}\n`, "text/x.tlog.size");
  return send(response, answered.status, `${answered.message}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > BODY_LIMIT) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}
