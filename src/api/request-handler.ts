import type { Request, Response } from "express";
import type { Context } from "../domain/shared/actor.ts";
import { Refused, Unauthenticated, type DomainError } from "../domain/shared/errors.ts";
import { Authenticator, authorize, contextOf } from "./auth/authenticate.ts";
import type { Principal } from "./auth/principal.ts";
import { EVERYTHING, OutOfScope, scopeOf, type Scope } from "./auth/scope.ts";
import { BODY_LIMIT, readBody, type RawBody } from "./body.ts";
import { IdempotentRequests, idempotencyKeyOf } from "./idempotency.ts";
import type { HttpOptions } from "./http-config.ts";
import { BodyBudget } from "./manners/body-budget.ts";
import { CallerLimits } from "./manners/caller-limits.ts";
import { HttpError } from "./problem.ts";
import { recoveredAnswer } from "./recovered-answer.ts";
import type { Answer, Call, Route, WholeAnswer } from "./route.ts";
import type { Services } from "./services.ts";
import { ValidQueries } from "./valid-queries.ts";
import { refuseMembers, validated } from "./validate.ts";
import type { Views } from "./views/views.ts";

/** Nobody: on public routes, which command nothing, and where nothing was proved. */
const NOBODY: Pick<Principal, "actor" | "authn"> = {
  actor: { id: "act_00000000000000000000000000000000", kind: "system" },
  authn: { method: "none" },
};

/** Who entered, and how far. */
interface Entry {
  readonly context: Context;
  readonly principal: Principal | undefined;
}

/** Takes a request to its route's handler: who, may they, what exactly, was it asked before. */
export class RequestHandler {
  readonly #services: Services;
  readonly #views: Views;
  readonly #idempotent: IdempotentRequests;
  readonly #queries = new ValidQueries();
  readonly #authenticator: Authenticator;
  readonly #limits: CallerLimits;
  readonly #budget = new BodyBudget();

  constructor(services: Services, views: Views, { rateLimit }: Pick<HttpOptions, "rateLimit">) {
    this.#services = services;
    this.#views = views;
    this.#limits = new CallerLimits(rateLimit);
    this.#idempotent = new IdempotentRequests(services.ledger, services.digest);
    this.#authenticator = new Authenticator({ ...services.identity, keys: views.keys });
  }

  async answer(
    route: Route,
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<Answer> {
    const { context, principal } = await this.#enter(route, request, requestId);
    if (principal !== undefined) this.#open(principal, response);
    const query = this.#queries.of(route, request);
    const scope =
      principal === undefined
        ? EVERYTHING
        : await this.#within(principal, route, request, query, context);
    if (route.method === "get")
      return route.handle(callOf(request, { context, principal }, scope, {}, query));
    const raw = await readBody(request, response, route.bodyLimit ?? BODY_LIMIT, this.#budget);
    const body = bodyOf(route, raw);
    const run = async (as: Context): Promise<WholeAnswer> => {
      const answer = await route.handle(
        callOf(request, { context: as, principal }, scope, body, query),
      );
      if (!("status" in answer)) throw new Error(`${route.id} must not stream`);
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

  async #enter(route: Route, request: Request, requestId: string): Promise<Entry> {
    let principal: Principal | undefined;
    try {
      if (route.access !== "public") {
        principal = await this.#authenticator.authenticate(request);
        this.#limits.take(callerOf(principal));
        authorize(principal, route.access);
      }
    } catch (error) {
      const context = contextOf(request, principal ?? NOBODY, requestId);
      if (isRefusal(error)) this.#services.access.refused({ ...refusal(error, route), context });
      // Good keys are not shut out by what others behind the same address try.
      if (principal === undefined) this.#limits.take(`address ${context.source.ip ?? ""}`);
      throw error;
    }
    const context = contextOf(request, principal ?? NOBODY, requestId);
    const { keyId } = context.authn;
    if (keyId !== undefined) this.#services.access.used(keyId, context);
    return { context, principal };
  }

  /** The request counts as open until its answer is sent, or the caller has gone. */
  #open(principal: Principal, response: Response): void {
    const leave = this.#limits.enter(callerOf(principal));
    if (response.closed) leave();
    else response.once("close", leave);
  }

  async #within(
    principal: Principal,
    route: Route,
    request: Request,
    query: object,
    context: Context,
  ): Promise<Scope> {
    try {
      const { projection } = this.#services;
      return await scopeOf(principal, route, paramsOf(request), query, projection);
    } catch (error) {
      if (isRefusal(error)) this.#services.access.refused({ ...refusal(error, route), context });
      throw error;
    }
  }
}

function bodyOf(route: Route, raw: RawBody): object {
  if (route.request !== undefined) return validated(route.request, raw);
  refuseMembers(raw, "/");
  return {};
}

const isRefusal = (error: unknown): error is DomainError =>
  error instanceof Unauthenticated ||
  error instanceof Refused ||
  error instanceof OutOfScope ||
  (error instanceof HttpError && error.code === "rate-limited");

/** A key is one caller, whoever has it; bearers of a provider's tokens are one each. */
const callerOf = ({ actor, authn }: Principal): string => authn.keyId ?? actor.id;

const refusal = ({ code }: DomainError, route: Route): { code: string; route: string } => ({
  code,
  route: route.id,
});

const callOf = (
  request: Request,
  { context, principal }: Entry,
  scope: Scope,
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
  identity: principal?.identity,
  scope,
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
