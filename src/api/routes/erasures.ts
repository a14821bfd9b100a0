import { ErasureRequest } from "../dto/erasure.request.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";

/** Erasing personal data. */
export const erasureRoutes = ({ erasures }: Services): Route[] => [
  route<ErasureRequest, object>({
    method: "post",
    path: "/v1/actors/{actor}/erasures",
    id: "eraseActor",
    access: "administer",
    tag: "keys",
    summary: "Erase what is kept of an actor in words and names, for good",
    description:
      "The key under which it is sealed is destroyed: it cannot be read any more in the ledger, nor in any " +
      "copy, backup or export of it. Events, pseudonym and proofs stay. It cannot be undone.",
    request: ErasureRequest,
    responses: { 201: { description: "What was erased", schema: "Erasure" } },
    handle: async ({ params, body, context }) => {
      const { actorId, kids, erased } = await erasures.erase(
        params["actor"]!,
        body.reason,
        context,
      );
      const keys = { keysDestroyed: kids.length, eventIndex: erased.index };
      return { status: 201, body: { actor: actorId, ...keys, erasedAt: erased.time } };
    },
  }),
];
