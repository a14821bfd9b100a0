import type { Request, Response } from "express";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Answer, DownloadAnswer, Sink, StreamAnswer, WholeAnswer } from "./route.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** A reader that leaves more than this unread is dropped, bytes. */
const MAX_UNREAD = 1 << 20;

/** Sends an answer. */
export async function send(request: Request, response: Response, answer: Answer): Promise<void> {
  if ("stream" in answer) startStream(request, response, answer);
  else if ("chunks" in answer) await download(request, response, answer);
  else sendWhole(response, answer);
}

async function download(
  request: Request,
  response: Response,
  answer: DownloadAnswer,
): Promise<void> {
  try {
    await sendPieces(request, response, answer);
  } finally {
    answer.release();
  }
}

async function sendPieces(
  request: Request,
  response: Response,
  { type, headers = {}, chunks }: DownloadAnswer,
): Promise<void> {
  response.statusCode = 200;
  response.setHeader("Content-Type", type);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  try {
    await pipeline(Readable.from(inPieces(chunks), { objectMode: false }), response);
  } catch (error) {
    // A reader who goes away in the middle is no fault of anybody's here.
    if (codeOf(error) !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

/** Bytes that are sent at a time, about. */
const PIECE = 1 << 16;

/** Many small texts become few pieces. */
async function* inPieces(chunks: DownloadAnswer["chunks"]): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const piece = typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < PIECE) continue;
    yield Buffer.concat(waiting);
    [waiting, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;

function sendWhole(response: Response, answer: WholeAnswer): void {
  const text = answer.text ?? (answer.body === undefined ? undefined : JSON.stringify(answer.body));
  const bytes = answer.bytes ?? (text === undefined ? undefined : Buffer.from(text, "utf8"));
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (bytes === undefined) {
    response.end();
    return;
  }
  response.setHeader("Content-Type", answer.type ?? JSON_TYPE);
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
}

function startStream(request: Request, response: Response, answer: StreamAnswer): void {
  response.statusCode = 200;
  response.setHeader("Content-Type", answer.type);
  response.setHeader("X-Accel-Buffering", "no");
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  response.flushHeaders();
  answer.stream(sinkOf(response));
}

const sinkOf = (response: Response): Sink => ({
  write: (text) => {
    if (response.destroyed || response.writableEnded) return false;
    response.write(text);
    if (response.writableLength <= MAX_UNREAD) return true;
    response.destroy();
    return false;
  },
  end: () => {
    response.end();
  },
  onClose: (listener) => {
    response.once("close", listener);
  },
});
