import type { Readable } from "node:stream";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { PATIENCE, type S3Settings } from "./s3-settings.ts";

/** The member `Range` of a request; none for the whole object. */
export function rangeOf(offset: number, length?: number): { readonly Range?: string } {
  if (offset === 0 && length === undefined) return {};
  return { Range: `bytes=${offset}-${length === undefined ? "" : offset + length - 1}` };
}

/** Thrown when an answer ended too early or took too long: it is asked for again. */
export class BrokenAnswer extends Error {
  override get name(): string {
    return "TimeoutError";
  }
}

/** The whole body, exactly as long as was announced. */
export async function bodyOf(
  { Body, ContentLength }: Pick<GetObjectCommandOutput, "Body" | "ContentLength">,
  { patience = PATIENCE }: S3Settings,
): Promise<Buffer> {
  const stream = Body as Readable;
  const whole = Buffer.allocUnsafeSlow(ContentLength ?? 0);
  let filled = 0;
  const limit = setTimeout(
    () => stream.destroy(new BrokenAnswer(`The answer took longer than ${patience.attemptMs} ms`)),
    patience.attemptMs,
  );
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      if (filled + piece.length > whole.length)
        throw new BrokenAnswer("The answer is longer than announced");
      piece.copy(whole, filled);
      filled += piece.length;
    }
  } catch (error) {
    throw error instanceof BrokenAnswer
      ? error
      : new BrokenAnswer(`The answer broke off after ${filled} of ${whole.length} bytes`, {
          cause: error,
        });
  } finally {
    clearTimeout(limit);
    stream.destroy();
  }
  if (filled === whole.length) return whole;
  throw new BrokenAnswer(`The answer has ${filled} of ${whole.length} bytes`);
}
