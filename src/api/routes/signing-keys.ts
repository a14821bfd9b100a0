import { RetirementRequest, RotationRequest } from "../dto/signing-key.request.ts";
import { route, type Route } from "../route.ts";
import type { Services } from "../services.ts";
import { signingKeysView } from "../views/signing-key-view.ts";

const tag = "ledger";

/** The keys that sign the ledger's checkpoints. */
export const signingKeyRoutes = ({ signingKeys }: Services): Route[] => [
  route({
    method: "get",
    path: "/v1/ledger/signing-keys",
    id: "listSigningKeys",
    access: "read",
    reach: "nothing",
    tag,
    summary: "Every key that signs checkpoints, or once did",
    responses: { 200: { description: "All keys, the newest first", schema: "SigningKeyList" } },
    handle: () => ({ status: 200, body: signingKeysView(signingKeys.list()) }),
  }),
  route<RotationRequest, object>({
    method: "post",
    path: "/v1/ledger/signing-keys",
    id: "rotateSigningKey",
    access: "administer",
    tag,
    summary: "Rotate the signing key: a new one signs together with the present one",
    description:
      "Hand the new verifier key to everybody who checks this ledger, then retire the old one.",
    request: RotationRequest,
    responses: { 201: { description: "All keys, the newest first", schema: "SigningKeyList" } },
    handle: async ({ body, context }) => {
      await signingKeys.rotate(body.reason, context);
      return { status: 201, body: signingKeysView(signingKeys.list()) };
    },
  }),
  route<RetirementRequest, object>({
    method: "post",
    path: "/v1/ledger/signing-keys/retirements",
    id: "retireSigningKey",
    access: "administer",
    tag,
    summary: "Retire a signing key: it signs no more, and its private half is destroyed",
    request: RetirementRequest,
    responses: { 201: { description: "All keys, the newest first", schema: "SigningKeyList" } },
    handle: async ({ body, context }) => {
      await signingKeys.retire(body.verifierKey, body.reason, context);
      return { status: 201, body: signingKeysView(signingKeys.list()) };
    },
  }),
];
