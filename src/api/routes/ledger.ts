import { NotFound } from "../../domain/shared/errors.ts";
import { VerificationRequest } from "../dto/verification.request.ts";
import { route, type Route } from "../route.ts";
import { alertOfVerification, verifyEverything } from "../verification.ts";
import type { Services } from "../services.ts";

const tag = "ledger";
const TEXT = "text/plain";

/** The ledger itself: its signed head, its key, its verification. */
export const ledgerRoutes = (services: Services): Route[] => [
  route({
    method: "get",
    path: "/v1/ledger/checkpoint",
    id: "getCheckpoint",
    access: "read",
    reach: "nothing",
    tag,
    summary: "The signed checkpoint of the ledger's head (a C2SP signed note)",
    responses: { 200: { description: "The note", types: [TEXT] } },
    handle: async () => ({
      status: 200,
      text: (await services.ledger.checkpoint()).note,
      type: `${TEXT}; charset=utf-8`,
    }),
  }),
  route({
    method: "get",
    path: "/v1/ledger/cosigned-checkpoint",
    id: "getCosignedCheckpoint",
    access: "read",
    tag,
    summary: "The newest checkpoint that witnesses have signed, with their signatures",
    responses: { 200: { description: "The note", types: [TEXT] } },
    handle: () => {
      const { newest } = services.cosigned;
      if (newest === undefined)
        throw new NotFound(
          "not-cosigned",
          "No witness has signed a checkpoint of this ledger yet",
          {
            hint: "Name witnesses in the anchors file; GET /v1/ledger/checkpoint has the ledger's own signature",
          },
        );
      return { status: 200, text: newest.note, type: `${TEXT}; charset=utf-8` };
    },
  }),
  route({
    method: "get",
    path: "/v1/ledger/vkey",
    id: "getVerifierKey",
    access: "read",
    reach: "nothing",
    tag,
    summary: "The keys that check the ledger's checkpoints, the newest first",
    responses: { 200: { description: "A verifier key on each line", types: [TEXT] } },
    handle: () => ({
      status: 200,
      text: services.signingKeys
        .active()
        .map((key) => `${key}\n`)
        .join(""),
      type: `${TEXT}; charset=utf-8`,
    }),
  }),
  route<VerificationRequest, object>({
    method: "post",
    path: "/v1/ledger/verifications",
    id: "verifyLedger",
    access: "read",
    tag,
    summary:
      "Hash the whole ledger again, compare it with its head, its checkpoints and those you kept, replay it, and compare every database with it",
    request: VerificationRequest,
    responses: { 200: { description: "What was found", schema: "LedgerVerification" } },
    handle: async ({ body, context }) => {
      const verification = await verifyEverything(services, body);
      await alertOfVerification(services, verification, context);
      return { status: 200, body: verification };
    },
  }),
  route({
    method: "post",
    path: "/v1/ledger/rebuild",
    id: "rebuildState",
    access: "administer",
    tag,
    summary: "Drop the folded state, replay every event, and compare the two states",
    responses: { 200: { description: "Both states' digests", schema: "Rebuild" } },
    handle: async () => {
      const { before, after } = await services.projection.rebuild();
      return { status: 200, body: { before, after, identical: before === after } };
    },
  }),
];
