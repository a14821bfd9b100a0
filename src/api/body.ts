import express, { type Request, type Response } from "express";
import { InvalidInput } from "../domain/shared/errors.ts";
import { parseGuarded } from "./json-guard.ts";
import type { BodyBudget } from "./manners/body-budget.ts";
import { HttpError } from "./problem.ts";

/** Ordinary bodies and bodies of migrations, bytes. */
export const BODY_LIMIT = 1 << 20;
export const MIGRATIONS_BODY_LIMIT = 32 << 20;

export type RawBody = { readonly [member: string]: unknown };

const readers = new Map(
  [BODY_LIMIT, MIGRATIONS_BODY_LIMIT].map((limit) => [
    limit,
    express.raw({ type: () => true, limit, inflate: false }),
  ]),
);
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The request's JSON object; `{}` if it has no body. Errors: HttpError unsupported-media-type,
 * body-too-large, service-overloaded · InvalidInput malformed-json, malformed-utf8.
 */
export async function readBody(
  request: Request,
  response: Response,
  limit: number,
  budget: BodyBudget,
): Promise<RawBody> {
  const { headers } = request;
  const hasBody =
    headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
  if (!hasBody) return {};
  requireJson(headers["content-type"]);
  const length = Number(headers["content-length"] ?? limit);
  // Answered at once: the reader below would first read all of it. What still comes is thrown away.
  if (length > limit) throw tooLarge();
  response.once("close", budget.reserve(length));
  if (headers.expect !== undefined) response.writeContinue();
  await read(request, response, limit);
  const bytes: unknown = request.body;
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return {};
  return parseGuarded(decode(bytes));
}

const tooLarge = (): HttpError =>
  new HttpError(413, "body-too-large", "The request's body is too large", {
    hint: "Send less at once; only migrations may be larger than 1 MiB",
  });

function requireJson(contentType: string | undefined): void {
  const [type, ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const foreign = parameters
    .map((parameter) => parameter.trim().replaceAll('"', ""))
    .filter((parameter) => parameter.startsWith("charset=") && parameter !== "charset=utf-8");
  if (type!.trim() === "application/json" && foreign.length === 0) return;
  throw new HttpError(415, "unsupported-media-type", "The body must be JSON in UTF-8", {
    hint: "Send `Content-Type: application/json`",
  });
}

function read(request: Request, response: Response, limit: number): Promise<void> {
  const reader = readers.get(limit)!;
  return new Promise((resolve, reject) => {
    reader(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new TypeError("The body reader failed"));
    });
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    // TextDecoder says only that the bytes are malformed.
    throw new InvalidInput("malformed-utf8", "The body is not valid UTF-8");
  }
}
