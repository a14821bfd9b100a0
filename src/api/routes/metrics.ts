import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";

/** What monitoring systems read. */
export const metricsRoutes = (services: Services): Route[] => [
  route({
    method: "get",
    path: "/metrics",
    id: "getPrometheusMetrics",
    access: "read",
    tag: "service",
    summary: "Metrics for Prometheus (text exposition)",
    description:
      "Counters begin at 0 with each start of the process; gauges show the ledger's state.",
    responses: { 200: { description: "The exposition", types: ["text/plain"] } },
    handle: async () => ({ status: 200, ...(await services.monitor.exposition()) }),
  }),
];
