import { NotFound } from "../domain/shared/errors.ts";
import { EVERYTHING } from "./auth/scope.ts";
import type { Embedded } from "./embedded.ts";
import type { Answer, Call, Method, Route } from "./route.ts";
import { routesOf } from "./routes/routes.ts";
import { queryMembers, refuseMembers, validated } from "./validate.ts";

/** A request to the routes in this process. */
export interface LocalRequest {
  readonly method: Method;
  /** Without the query. */
  readonly path: string;
  readonly query?: { readonly [name: string]: unknown };
  readonly body?: { readonly [member: string]: unknown };
  readonly accept?: string;
}

/** Answers requests as the HTTP interface does, validation included, for whoever is in the process. */
export class LocalRequests {
  readonly #embedded: Embedded;
  readonly #routes: readonly { readonly route: Route; readonly pattern: RegExp }[];

  constructor(embedded: Embedded) {
    this.#embedded = embedded;
    this.#routes = routesOf(embedded.services, embedded.views).map((route) => ({
      route,
      pattern: patternOf(route.path),
    }));
  }

  /** Errors: NotFound path-unknown; those of the route. */
  async answer(request: LocalRequest): Promise<Answer> {
    const { method, path, accept = "application/json" } = request;
    for (const { route, pattern } of this.#routes) {
      const found = route.method === method ? pattern.exec(path) : null;
      if (found === null) continue;
      const call: Call<object, object> = {
        params: decoded(found.groups ?? {}),
        body: bodyOf(route, request.body ?? {}),
        query: queryOf(route, request.query ?? {}),
        headers: { accept },
        url: path + searchOf(request.query ?? {}),
        accepts: (...types) => types.find((type) => type === accept) ?? types[0]!,
        context: this.#embedded.context(),
        scope: EVERYTHING,
      };
      return route.handle(call);
    }
    throw new NotFound("path-unknown", `There is nothing at ${path}`);
  }
}

function searchOf(query: { readonly [name: string]: unknown }): string {
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

/** `/v1/runs/{run}` as an expression with named groups. */
const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);

const decoded = (groups: { readonly [name: string]: string }): { [name: string]: string } =>
  Object.fromEntries(
    Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
  );

function bodyOf(route: Route, body: { readonly [member: string]: unknown }): object {
  if (route.request !== undefined) return validated(route.request, body);
  refuseMembers(body, "/");
  return {};
}

function queryOf(route: Route, query: { readonly [name: string]: unknown }): object {
  const members = queryMembers(query);
  if (route.query !== undefined) return validated(route.query, members, "?");
  refuseMembers(members, "?");
  return {};
}
