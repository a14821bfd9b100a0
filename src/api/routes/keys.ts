import { KeyRequest, RevokeQuery } from "../dto/key.request.ts";
import { wholePage } from "../paging.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import type { Views } from "../views/views.ts";

const tag = "keys";

/** API keys. */
export const keyRoutes = (services: Services, views: Views): Route[] => [
  route<KeyRequest, object>({
    method: "post",
    path: "/v1/keys",
    id: "issueKey",
    access: "administer",
    tag,
    summary: "Issue an API key; its token is shown in this answer and never again",
    request: KeyRequest,
    secretMembers: ["token"],
    responses: { 201: { description: "The key with its token", schema: "IssuedKey" } },
    handle: async ({ body, context }) => {
      const { key, token } = await services.keys.issue(body, context);
      return views.created("keys", key.id, { ...views.key(key), token });
    },
  }),
  route({
    method: "get",
    path: "/v1/keys",
    id: "listKeys",
    access: "administer",
    tag,
    summary: "List the API keys, without tokens",
    responses: { 200: { description: "All keys", schema: "KeyList" } },
    handle: () => ({ status: 200, body: wholePage(services.keys.list().map(views.key)) }),
  }),
  route<object, RevokeQuery>({
    method: "delete",
    path: "/v1/keys/{key}",
    id: "revokeKey",
    access: "administer",
    tag,
    summary: "Revoke an API key, at once and for good",
    query: RevokeQuery,
    responses: { 204: { description: "The key is revoked" } },
    handle: async ({ params, query, context }) => {
      await services.keys.revoke(params["key"]!, query.reason ?? "no reason given", context);
      return { status: 204 };
    },
  }),
];
