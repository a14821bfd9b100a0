import { defaultMetadataStorage } from "class-transformer/cjs/storage.js";
import { validationMetadatasToSchemas } from "class-validator-jsonschema";
import type {
  OpenAPIObject,
  OperationObject,
  ParameterObject,
  ResponseObject,
  SchemaObject,
} from "openapi3-ts/oas31";
import { TOOL_VERSION } from "../../infra/system/version.ts";
import { type Permission, ROLE_PERMISSIONS } from "../auth/permissions.ts";
import type { ResponseSpec, Route } from "../route.ts";
import { INT_OR } from "../dto/decorators.ts";
import { RESPONSE_SCHEMAS } from "./schemas.ts";

const TAGS: { readonly [tag: string]: string } = {
  databases: "Databases under management, their schema and policy",
  policies: "What databases demand of runs and restores, and changes of it that need consent",
  schema: "Schemas through time, who made what, drift",
  migrations: "Registered migrations and the plans made of them",
  runs: "Executions of plans: migrate, roll back, follow, cancel",
  backups: "Verified backups and restores",
  recovery: "Bringing databases back after damage or a failed migration",
  integrity: "Integrity checks of databases",
  schedules: "Backups, checks, scrubs, drills and prunes, time and again",
  audit: "The audit history",
  reports: "Reports for auditors, and their proof",
  ledger: "The ledger itself: signed heads, verification",
  alerts: "What somebody should be told of, and where it is sent",
  keys: "API keys",
  service: "The service's health and its description",
};

const IDEMPOTENCY_KEY: ParameterObject = {
  name: "Idempotency-Key",
  in: "header",
  description:
    "1 to 255 printable ASCII characters. The same request under the same key is answered with the " +
    "first answer (`Idempotent-Replay: true`); another request under it is refused (409).",
  schema: { type: "string", minLength: 1, maxLength: 255 },
  example: "0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f",
};

/** The API as an OpenAPI 3.1 document, from the routes and the DTO classes that serve it. */
export function openApiDocument(routes: readonly Route[]): OpenAPIObject {
  const requests = requestSchemas();
  return {
    openapi: "3.1.0",
    info: {
      title: "Schemaledger",
      version: TOOL_VERSION,
      description:
        "An event-sourced migration ledger: migrates SQLite and PostgreSQL databases so that nothing can be lost, " +
        "and proves it. Errors are problem details (RFC 9457) with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "This service" }],
    security: [{ apiKey: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: pathsOf(routes, requests),
    components: {
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: tokenText() },
      },
      schemas: { ...RESPONSE_SCHEMAS, ...bodySchemas(routes, requests) },
    },
  };
}

type Requests = { readonly [name: string]: SchemaObject };

function requestSchemas(): Requests {
  const schemas = validationMetadatasToSchemas({
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: "#/components/schemas/",
    additionalConverters: {
      [INT_OR]: ({ constraints: [word, minimum, maximum] }) =>
        ({ oneOf: [{ type: "integer", minimum, maximum }, { enum: [word] }] }) as SchemaObject,
    },
  }) as Requests;
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      Object.assign({}, schema, { additionalProperties: false }),
    ]),
  );
}

/** The DTOs of bodies and what they refer to; those of queries become parameters. */
function bodySchemas(routes: readonly Route[], requests: Requests): Requests {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const schema = requests[name];
    if (schema === undefined || wanted.has(name)) return;
    wanted.add(name);
    const refs = JSON.stringify(schema).matchAll(/#\/components\/schemas\/(\w+)/g);
    for (const [, referred] of refs) add(referred!);
  };
  for (const { request } of routes) if (request !== undefined) add(request.name);
  return Object.fromEntries([...wanted].map((name) => [name, requests[name]!]));
}

function pathsOf(
  routes: readonly Route[],
  requests: Requests,
): { [path: string]: { [method: string]: OperationObject } } {
  const paths: { [path: string]: { [method: string]: OperationObject } } = {};
  for (const route of routes)
    (paths[route.path] ??= {})[route.method] = operationOf(route, requests);
  return paths;
}

function operationOf(route: Route, requests: Requests): OperationObject {
  const parameters = [...pathParameters(route), ...queryParameters(route, requests)];
  if (route.method === "post") parameters.push(IDEMPOTENCY_KEY);
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, accessText(route)].filter(Boolean).join("\n\n"),
    ...(route.access === "public" ? { security: [] } : { "x-permission": route.access }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(route, requests),
    responses: responsesOf(route),
  };
}

const accessText = ({ access }: Route): string =>
  access === "public"
    ? "Needs no token."
    : `Needs the permission \`${access}\` (roles: ${rolesWith(access).join(", ")}).`;

const rolesWith = (permission: Permission): string[] =>
  Object.entries(ROLE_PERMISSIONS).flatMap(([role, all]) =>
    all.includes(permission) ? [role] : [],
  );

const tokenText = (): string =>
  [
    "An API key's token (`sl_…`), or an access token (JWT) of the configured identity provider.",
    "| role | permissions |\n|---|---|",
  ].join("\n\n") +
  Object.entries(ROLE_PERMISSIONS)
    .map(([role, all]) => `\n| \`${role}\` | ${all.join(", ")} |`)
    .join("");

const pathParameters = ({ path }: Route): ParameterObject[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: "path",
    required: true,
    description: name === "database" ? "Name or id of the database" : `Id of the ${name}`,
    schema: { type: "string" },
  }));

function queryParameters({ query }: Route, requests: Requests): ParameterObject[] {
  const schema = query === undefined ? undefined : requests[query.name];
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const required = schema?.required?.includes(name) === true;
    const parameter: ParameterObject = { name, in: "query", required, schema: property };
    const list = "type" in property && property.type === "array";
    return list ? Object.assign(parameter, { style: "form", explode: false }) : parameter;
  });
}

function bodyOf({ request }: Route, requests: Requests): Pick<OperationObject, "requestBody"> {
  const schema = request === undefined ? undefined : requests[request.name];
  if (schema === undefined || request === undefined) return {};
  return {
    requestBody: {
      required: (schema.required ?? []).length > 0,
      content: { "application/json": { schema: { $ref: `#/components/schemas/${request.name}` } } },
    },
  };
}

function responsesOf(route: Route): { [status: string]: ResponseObject } {
  const own = Object.entries(route.responses).map(([status, spec]) => [status, responseOf(spec)]);
  return {
    ...(Object.fromEntries(own) as { [status: string]: ResponseObject }),
    ...(route.access === "public" ? {} : { 401: problem("No valid token"), 403: FORBIDDEN }),
    "4XX": problem("The request is refused; `code` and `hint` say why"),
    "5XX": problem("The service cannot answer now"),
  };
}

function responseOf(spec: ResponseSpec): ResponseObject {
  const { description, schema, types = [] } = spec;
  const content = Object.fromEntries(
    types.map((type) => [type, { schema: { type: "string" as const } }]),
  );
  if (schema !== undefined)
    Object.assign(content, {
      "application/json": { schema: { $ref: `#/components/schemas/${schema}` } },
    });
  return Object.keys(content).length === 0 ? { description } : { description, content };
}

const problem = (description: string): ResponseObject => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});

const FORBIDDEN = problem("The key lacks the permission");
