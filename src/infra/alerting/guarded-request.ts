import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { DomainError, Unavailable } from "../../domain/shared/errors.ts";
import { checkedAddresses, lookupOf, type Address } from "./address-guard.ts";
import { within } from "./within.ts";

export interface Posted {
  readonly url: URL;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
  readonly mayBePrivate: boolean;
  readonly signal: AbortSignal;
  /** From the first lookup to the head of the answer: a slow receiver is one that failed. */
  readonly timeoutMs: number;
}

/** Of an answer's body: nobody reads it, it only must not keep us. */
const BODY_LIMIT = 64 * 1024;

/** Refuse the message itself, and would refuse it again. */
const FINAL = new Set([400, 410, 413, 422]);
/** Have nothing against it, but not now. */
const LATER = new Set([408, 425, 429]);

/**
 * Posts to an address of the public network, or any if it may be private. Redirects are not
 * followed: they would lead past the check, and past whoever entered the address. Resolves when it
 * was taken (2xx). Errors: those that `Notifier.send` names.
 */
export async function post(posted: Posted): Promise<void> {
  const answer = await answerTo(posted);
  const { statusCode: status = 0, headers } = answer;
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) throw redirected(posted.url, status);
  if (status >= 500 || LATER.has(status))
    throw new Unavailable(
      "alert-target-failed",
      `${posted.url.host} answered ${status}`,
      withRetry(headers["retry-after"]),
    );
  throw new Unavailable("alert-target-refuses", `${posted.url.host} answered ${status}`, {
    hint: "See whether the target's address and secret are still right",
    details: { final: FINAL.has(status) },
  });
}

async function answerTo(posted: Posted): Promise<IncomingMessage> {
  const { url, mayBePrivate, signal, timeoutMs } = posted;
  const limit = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, limit]);
  try {
    const addresses = await within(either, checkedAddresses(url.hostname, mayBePrivate));
    return await sent(url, addresses, posted, either);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw unreachable(url, limit.aborted ? `no answer within ${timeoutMs / 1000} s` : error);
  }
}

function sent(
  url: URL,
  addresses: readonly Address[],
  { headers, body }: Pick<Posted, "headers" | "body">,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: "POST",
      headers: { ...headers, "Content-Length": Buffer.byteLength(body) },
      lookup: lookupOf(addresses),
      // A connection of its own: it is over when the answer is.
      agent: false,
      signal,
    });
    asked.once("error", reject);
    asked.once("response", (answer) => {
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_LIMIT) answer.destroy();
      });
      // Its head has said it all.
      answer.on("error", () => undefined);
      resolve(answer);
    });
    asked.end(body);
  });
}

/** System errors say by their code what is wrong; their texts may name more than the host. */
function unreachable(url: URL, error: unknown): Unavailable {
  const system = error instanceof Error && "code" in error ? String(error.code) : "no connection";
  const code = typeof error === "string" ? error : system;
  return new Unavailable("alert-target-unreachable", `${url.host} cannot be reached: ${code}`, {
    hint: "See whether the target is up; what waits for it is tried again by itself",
  });
}

const redirected = (url: URL, status: number): Unavailable =>
  new Unavailable("alert-target-redirects", `${url.host} answered ${status}, a redirect`, {
    hint: "Redirects are not followed: give the target the address that it leads to",
  });

/** Seconds, or a date. */
function withRetry(header: string | undefined): { details?: { retryAfterMs: number } } {
  if (header === undefined) return {};
  const ms = /^\d{1,6}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? { details: { retryAfterMs: ms } } : {};
}
