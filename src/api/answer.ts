import type { Request, Response } from "express";
import { download } from "./download.ts";
import type { Answer, Sink, StreamAnswer, WholeAnswer } from "./route.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** A reader that leaves more than this unread is dropped, bytes. */
const MAX_UNREAD = 1 << 20;
/** The slowest reader of a whole answer, bytes a second, and how long it may take nothing, ms. */
const SLOWEST = 16 << 10;
const LONGEST_REST = 60_000;

/** Sends an answer; `stopping` breaks off what is large. */
export async function send(
  request: Request,
  response: Response,
  answer: Answer,
  stopping: AbortSignal,
): Promise<void> {
  if ("stream" in answer) startStream(request, response, answer);
  else if ("chunks" in answer) await download(request, response, answer, { stopping });
  else sendWhole(response, answer);
}

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
  dropIfSlow(response, bytes.length);
  response.end(bytes);
}

/** Whatever the reader sends meanwhile: an answer does not stay in memory for ever. */
function dropIfSlow(response: Response, length: number): void {
  const ms = LONGEST_REST + (length / SLOWEST) * 1000;
  const limit = setTimeout(() => response.destroy(), ms).unref();
  response.once("close", () => clearTimeout(limit));
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
