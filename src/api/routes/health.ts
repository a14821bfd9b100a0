import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "service";

/** Whether the process lives, and whether it can serve. The only routes without a token. */
export const healthRoutes = (services: Services): Route[] => [
  route({
    method: "get",
    path: "/livez",
    id: "isAlive",
    access: "public",
    tag,
    summary: "Whether the process lives",
    responses: { 200: { description: "It lives", schema: "Health" } },
    handle: () => ({ status: 200, body: { status: "ok" } }),
  }),
  route({
    method: "get",
    path: "/readyz",
    id: "isReady",
    access: "public",
    tag,
    summary: "Whether the service can do its work, and what somebody should look at",
    responses: {
      200: { description: "It can; `degraded`: somebody should look", schema: "Health" },
      503: { description: "It cannot; checks say why", schema: "Health" },
    },
    handle: async () => {
      const body = await services.readiness.look();
      return { status: body.status === "failed" ? 503 : 200, body };
    },
  }),
];
