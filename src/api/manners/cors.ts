import type { NextFunction, Request, Response } from "express";

const METHODS = "GET, HEAD, POST, PATCH, DELETE";
const ALLOWED = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id";
const EXPOSED = "Location, Retry-After, X-Request-Id, Idempotent-Replay";
/** For how long a browser need not ask again, s. */
const MAX_AGE = "600";

/**
 * Lets pages of exactly these origins use the API from a browser. Credentials are never allowed:
 * the API knows none but the token that the page sends. Without origins nothing is said, and
 * browsers keep every other page out.
 */
export function cors(origins: readonly string[]) {
  const allowed = new Set(origins);
  return (request: Request, response: Response, next: NextFunction): void => {
    const { origin } = request.headers;
    // A cache must not give one origin's answer to another.
    response.vary("Origin");
    if (origin === undefined || !allowed.has(origin)) return next();
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Access-Control-Expose-Headers", EXPOSED);
    // Helmet's default keeps answers from other origins' pages.
    response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
    const isPreflight = request.headers["access-control-request-method"] !== undefined;
    if (request.method !== "OPTIONS" || !isPreflight) return next();
    response.setHeader("Access-Control-Allow-Methods", METHODS);
    response.setHeader("Access-Control-Allow-Headers", ALLOWED);
    response.setHeader("Access-Control-Max-Age", MAX_AGE);
    response.status(204).end();
  };
}
