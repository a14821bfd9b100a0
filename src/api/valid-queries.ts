import type { Request } from "express";
import type { Route } from "./route.ts";
import { queryMembers, refuseMembers, validated } from "./validate.ts";

/** Query texts that are remembered, and their longest length. */
const REMEMBERED = 500;
const MAX_LENGTH = 300;

/**
 * Validates query strings. Those that were valid are remembered by their text: pollers and pagers
 * ask the same again and again, and validating costs more than reading a page of events.
 */
export class ValidQueries {
  readonly #known = new Map<string, object>();

  /** Errors: InvalidRequest. The answer is shared between requests and must not be changed. */
  of(route: Route, request: Request): object {
    const start = request.url.indexOf("?");
    const text = start === -1 ? "" : request.url.slice(start);
    const key = route.id + text;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const query = Object.freeze(validQuery(route, request));
    if (text.length <= MAX_LENGTH) this.#remember(key, query);
    return query;
  }

  /** The oldest makes room. */
  #remember(key: string, query: object): void {
    if (this.#known.size >= REMEMBERED) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    this.#known.set(key, query);
  }
}

function validQuery(route: Route, request: Request): object {
  const members = queryMembers(request.query);
  if (route.query !== undefined) return validated(route.query, members, "?");
  refuseMembers(members, "?");
  return {};
}
