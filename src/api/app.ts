import express, { type Express, type NextFunction, type Request, type Response } from "express";
import helmet from "helmet";
import { NotFound } from "../domain/shared/errors.ts";
import type { SpanAttributes } from "../domain/shared/tracer.ts";
import { describeError } from "../infra/telemetry/logger.ts";
import { requestSpan, type RequestSpan } from "../infra/telemetry/tracing.ts";
import { send } from "./answer.ts";
import { DEFAULT_RATE, type HttpOptions } from "./http-config.ts";
import { cors } from "./manners/cors.ts";
import { HttpError, isUnexpected, problemOf, PROBLEM_TYPE } from "./problem.ts";
import { RequestHandler } from "./request-handler.ts";
import type { Route } from "./route.ts";
import { routesOf } from "./routes/routes.ts";
import type { Services } from "./services.ts";
import { Views } from "./views/views.ts";

const MAX_LISTENERS = 30;
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

const USUAL: AppOptions = { corsOrigins: [], rateLimit: DEFAULT_RATE };

export interface AppOptions extends Pick<HttpOptions, "corsOrigins" | "rateLimit"> {
  /** Only what is read is there; everything else is refused before it is looked at. */
  readonly readOnly?: boolean;
  /** Of a service that stands by: where the one is that works, if it is known. */
  readonly worker?: () => string | null;
}

/** The HTTP application over the services. */
export function createApp(services: Services, options: AppOptions = USUAL): Express {
  const { readOnly = false } = options;
  const views = new Views(services);
  const all = routesOf(services, views);
  const routes = readOnly ? all.filter(({ method }) => method === "get") : all;
  const handler = new RequestHandler(services, views, options);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use((request, response, next) => {
    response.setHeader("X-Request-Id", requestIdOf(request, services));
    response.setHeader("Cache-Control", "no-store");
    // Everything that is held for a request is given back when its answer closes.
    response.setMaxListeners(MAX_LISTENERS);
    next();
  });
  app.use(helmet({ contentSecurityPolicy: { directives: CSP, useDefaults: false } }));
  if (options.corsOrigins.length > 0) app.use(cors(options.corsOrigins));
  for (const route of routes) {
    app[route.method](expressPath(route), (request: Request, response: Response) => {
      const requestId = requestIdOf(request, services, response);
      const span = requestSpan(`${request.method} ${route.path}`, about(route, requestId), request);
      measure(services, route, request, response, { span, requestId });
      return span.within(() =>
        handler
          .answer(route, request, response, requestId)
          .then((answer) => send(request, response, answer, services.stopping)),
      );
    });
  }
  if (options.worker !== undefined) refuseToWork(app, all, options.worker);
  else if (readOnly) refuseWriting(app, all);
  else refuseOtherMethods(app, routes);
  app.use((request) => {
    throw new NotFound("path-unknown", `There is nothing at ${request.path.slice(0, 200)}`, {
      hint: "GET /openapi.json lists every path",
    });
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    sendProblem(services, error, request, response),
  );
  return app;
}

/** Streams count with all the time that they were open. */
function measure(
  services: Services,
  { id }: Route,
  request: Request,
  response: Response,
  { span, requestId }: { readonly span: RequestSpan; readonly requestId: string },
): void {
  const began = performance.now();
  response.once("close", () => {
    const seconds = (performance.now() - began) / 1000;
    const { statusCode: status } = response;
    services.monitor.answered({ route: id, method: request.method, status, seconds });
    const ms = Math.round(seconds * 1000);
    const { method } = request;
    span.within(() =>
      services.log({
        level: "debug",
        message: "Answered",
        requestId,
        method,
        route: id,
        status,
        ms,
      }),
    );
    span.end(status);
  });
}

const about = ({ id, path, method }: Route, requestId: string): SpanAttributes => ({
  "http.request.method": method.toUpperCase(),
  "http.route": path,
  "schemaledger.operation": id,
  "schemaledger.request.id": requestId,
});

/** Nothing is loaded from anywhere; the docs page brings its style with it and has no script. */
const CSP = {
  defaultSrc: ["'none'"],
  styleSrc: ["'unsafe-inline'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** `/v1/runs/{id}` in Express's form. */
function expressPath({ path, rest }: Route): string {
  const whole = rest === true ? path.replace(/\{(\w+)\}$/, "*$1") : path;
  return whole.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Taken from the client if it is harmless, so that its own logs can be matched; else made up. */
function requestIdOf(request: Request, services: Services, response?: Response): string {
  const given = response?.getHeader("X-Request-Id") ?? request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : services.ids.uuid();
}

function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  for (const one of new Map(routes.map((route) => [route.path, route])).values()) {
    const methods = routes.filter(({ path }) => path === one.path).map(({ method }) => method);
    const allow = [...new Set(methods.flatMap(namesOf))].join(", ");
    app.all(expressPath(one), (request) => {
      throw new HttpError(405, "method-not-allowed", `${request.method} is not possible here`, {
        hint: `Use ${allow}`,
        headers: { Allow: allow },
      });
    });
  }
}

/** Whatever its path does elsewhere. */
/** 421: another server answers it. */
function refuseToWork(app: Express, routes: readonly Route[], worker: () => string | null): void {
  for (const path of new Set(routes.map(expressPath)))
    app.all(path, (request) => {
      request.resume();
      const url = worker();
      throw new HttpError(421, "stands-by", "This service stands by: another one works", {
        hint: url === null ? "Try again a little later" : `Send it to ${url}`,
        ...(url === null ? {} : { details: { worker: url } }),
      });
    });
}

function refuseWriting(app: Express, routes: readonly Route[]): void {
  for (const path of new Set(routes.map(expressPath)))
    app.all(path, (request) => {
      // What was sent along is taken and dropped, or the client might not hear the answer.
      request.resume();
      throw new HttpError(405, "read-only", `This server only reads: no ${request.method} here`, {
        hint: "Ask the service that writes the ledger",
        headers: { Allow: "GET, HEAD" },
      });
    });
}

/** Codes of the refusals that are no fault of the request. */
const LIMITS: ReadonlySet<string> = new Set([
  "rate-limited",
  "too-many-at-once",
  "service-overloaded",
]);

const namesOf = (method: string): string[] =>
  method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()];

function sendProblem(
  services: Services,
  error: unknown,
  request: Request,
  response: Response,
): void {
  const requestId = requestIdOf(request, services, response);
  const path = request.originalUrl.split("?", 1)[0]!;
  if (isUnexpected(error))
    services.log({
      level: "error",
      message: "A request failed unexpectedly",
      requestId,
      method: request.method,
      path,
      ...describeError(error),
    });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { problem, headers } = problemOf(error, requestId, path);
  if (LIMITS.has(problem.code)) services.monitor.limited(problem.code);
  const answer = {
    status: problem.status,
    text: JSON.stringify(problem),
    type: PROBLEM_TYPE,
    headers,
  };
  void send(request, response, answer, services.stopping);
}
