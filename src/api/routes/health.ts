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
    summary: "Whether the service can do its work",
    responses: {
      200: { description: "It can", schema: "Health" },
      503: { description: "It cannot; checks say why", schema: "Health" },
    },
    handle: async () => {
      const checks = {
        ledger: await works(() => services.ledger.head()),
        projection: await works(() => services.projection.state.size),
        accepting: services.stopping.aborted ? "failed" : "ok",
      };
      const ready = Object.values(checks).every((check) => check === "ok");
      return { status: ready ? 200 : 503, body: { status: ready ? "ok" : "failed", checks } };
    },
  }),
];

async function works(probe: () => unknown): Promise<"ok" | "failed"> {
  try {
    await probe();
    return "ok";
  } catch {
    // The reason may name paths and the route is public: whoever has a token learns it elsewhere.
    return "failed";
  }
}
