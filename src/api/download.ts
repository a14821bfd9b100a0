import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DownloadAnswer } from "./route.ts";

/** A reader who takes nothing for so long is dropped, ms: what is made for it holds a place. */
const STALL_MS = 60_000;
/** Bytes that are sent at a time, about. */
const PIECE = 1 << 16;

/** What else ends a download. */
export interface DownloadLimits {
  readonly stopping: AbortSignal;
  readonly stallMs?: number;
}

/**
 * Sends a large answer as fast as its reader takes it. Whatever ends it early — an error, a reader who
 * has gone or stands still, the service stopping — breaks the connection off before the last chunk, so
 * that nobody takes a part for the whole.
 */
export async function download(
  request: IncomingMessage,
  response: ServerResponse,
  answer: DownloadAnswer,
  limits: DownloadLimits,
): Promise<void> {
  try {
    await sendPieces(request, response, answer, limits);
  } finally {
    answer.release();
  }
}

async function sendPieces(
  request: IncomingMessage,
  response: ServerResponse,
  answer: DownloadAnswer,
  { stopping, stallMs = STALL_MS }: DownloadLimits,
): Promise<void> {
  const { type, headers = {}, trailerNames = [], chunks } = answer;
  response.statusCode = 200;
  response.setHeader("Content-Type", type);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (trailerNames.length > 0) response.setHeader("Trailer", trailerNames.join(", "));
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const stalled = new AbortController();
  const signal = AbortSignal.any([stopping, stalled.signal]);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of inPieces(chunks)) {
      const timer = setTimeout(() => stalled.abort(), stallMs).unref();
      try {
        yield piece;
      } finally {
        clearTimeout(timer);
      }
    }
    const trailers = answer.trailers?.();
    if (trailers !== undefined) response.addTrailers(trailers);
  }
  try {
    await pipeline(Readable.from(pieces(), { objectMode: false }), response, { signal });
  } catch (error) {
    // A reader who goes away or stands still, and the service's end, are no faults here.
    if (signal.aborted || codeOf(error) === "ERR_STREAM_PREMATURE_CLOSE") return;
    throw error;
  }
}

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
