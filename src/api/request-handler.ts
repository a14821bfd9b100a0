import type { Request, Response } from "express";
import type { Context } from "../domain/shared/actor.ts";
import { authenticate, authorize, contextOf } from "./auth/authenticate.ts";
import { BODY_LIMIT, readBody, type RawBody } from "./body.ts";
import { IdempotentRequests, idempotencyKeyOf } from "./idempotency.ts";
import { HttpError } from "./problem.ts";
import { recoveredAnswer } from "./recovered-answer.ts";
import type { Answer, Call, Route, WholeAnswer } from "./route.ts";
import type { Services } from "./services.ts";
import { ValidQueries } from "./valid-queries.ts";
import { refuseMembers, validated } from "./validate.ts";
import type { Views } from "./views/views.ts";

/** Nobody: the context of public routes, which command nothing. */
const ANONYMOUS: Context = {
  actor: { id: "act_00000000000000000000000000000000", kind: "system" },
  authn: { method: "internal" },
  source: {},
  requestId: "public",
};

/** Takes a request to its route's handler: who, may they, what exactly, was it asked before. */
export class RequestHandler {
  readonly #services: Services;
  readonly #views: Views;
  readonly #idempotent: IdempotentRequests;
  readonly #queries = new ValidQueries();

  constructor(services: Services, views: Views) {
    this.#services = services;
    this.#views = views;
    this.#idempotent = new IdempotentRequests(services.ledger, services.digest);
  }

  async answer(
    route: Route,
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<Answer> {
    const context = this.#enter(route, request, requestId);
    const query = this.#queries.of(route, request);
    if (route.method === "get") return route.handle(callOf(request, context, {}, query));
    const raw = await readBody(request, response, route.bodyLimit ?? BODY_LIMIT);
    const body = bodyOf(route, raw);
    const run = async (as: Context): Promise<WholeAnswer> => {
      const answer = await route.handle(callOf(request, as, body, query));
      if ("stream" in answer) throw new Error(`${route.id} must not stream`);
      return answer;
    };
    const key = idempotencyKeyOf(request.headers["idempotency-key"]);
    if (key === undefined || route.method !== "post") return run(context);
    return this.#idempotent.answer({
      path: request.originalUrl,
      key,
      body: raw,
      context,
      secretMembers: route.secretMembers ?? [],
      run,
      recover: (first) => recoveredAnswer(first, raw, this.#services.projection, this.#views),
    });
  }

  #enter(route: Route, request: Request, requestId: string): Context {
    if (route.access === "public") return ANONYMOUS;
    const key = authenticate(request, this.#views.keys, this.#services.digest);
    authorize(key, route.access);
    return contextOf(request, key, requestId);
  }
}

function bodyOf(route: Route, raw: RawBody): object {
  if (route.request !== undefined) return validated(route.request, raw);
  refuseMembers(raw, "/");
  return {};
}

const callOf = (
  request: Request,
  context: Context,
  body: object,
  query: object,
): Call<object, object> => ({
  params: paramsOf(request),
  body,
  query,
  headers: request.headers,
  url: request.originalUrl,
  accepts: (...types) => accepted(request, types),
  context,
});

/** What takes the rest of a path comes in pieces. */
const paramsOf = ({ params }: Request): Call<object, object>["params"] =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, [value].flat().join("/")]),
  );

function accepted(request: Request, types: readonly string[]): string {
  const type = request.accepts([...types]);
  if (type !== false) return type;
  throw new HttpError(406, "not-acceptable", "None of the accepted types can be produced", {
    hint: `Accept one of ${types.join(", ")}`,
  });
}
