import { InvalidInput, NotFound } from "../../domain/shared/errors.ts";
import { parseTilePath, TILE_WIDTH, type TileId } from "../../domain/ledger/tile.ts";
import { ConsistencyQuery } from "../dto/ledger.query.ts";
import { route, type Route, type WholeAnswer } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "ledger";
const TEXT = "text/plain";
const BYTES = "application/octet-stream";

/**
 * What a tile holds never changes. `private`: the answer needed a token, and a shared cache would
 * give it to anybody.
 */
const IMMUTABLE = { "Cache-Control": "private, max-age=31536000, immutable" };

/** The ledger as a static transparency log (C2SP tlog-tiles), and proofs about it. */
export const transparencyLogRoutes = (services: Services): Route[] => [
  route({
    method: "get",
    path: "/v1/ledger/tile/{tile}",
    rest: true,
    id: "getTile",
    access: "read",
    tag,
    summary: "A tile of the Merkle tree, or a bundle of entries (C2SP tlog-tiles)",
    description:
      "`LEVEL/N` or `entries/N`, N in groups of three digits (`x001/067`), `.p/W` behind it for the " +
      "first W of a tile. Such a tile never changes.",
    responses: { 200: { description: "Hashes of 32 bytes, or entries", types: [BYTES] } },
    handle: ({ params }) => tile(services, params["tile"]!),
  }),
  route({
    method: "get",
    path: "/v1/ledger/events/{index}/proof",
    id: "getProof",
    access: "read",
    tag,
    summary:
      "Proof that an event is in the ledger: a file that is checked offline (C2SP tlog-proof)",
    responses: { 200: { description: "The proof file", types: [TEXT] } },
    handle: async ({ params }) => {
      const index = indexOf(params["index"]!);
      const text = await services.proofs.fileOf(index);
      const name = `event-${index}.tlog-proof`;
      const headers = { "Content-Disposition": `attachment; filename="${name}"` };
      return { status: 200, text, type: `${TEXT}; charset=utf-8`, headers };
    },
  }),
  route({
    method: "get",
    path: "/v1/ledger/events/{index}/entry",
    id: "getEntry",
    access: "read",
    tag,
    summary: "The bytes of an event's entry in the log, which a proof is about",
    responses: { 200: { description: "The entry: canonical JSON", types: [BYTES] } },
    handle: async ({ params }) => ({
      status: 200,
      bytes: (await services.proofs.entry(indexOf(params["index"]!))).leaf,
      type: BYTES,
      headers: IMMUTABLE,
    }),
  }),
  route<object, ConsistencyQuery>({
    method: "get",
    path: "/v1/ledger/consistency",
    id: "getConsistency",
    access: "read",
    reach: "nothing",
    tag,
    summary: "Proof that the present checkpoint continues the one of a given size",
    query: ConsistencyQuery,
    responses: { 200: { description: "Proof, root and checkpoint", schema: "Consistency" } },
    handle: async ({ query }) => {
      const { first, root, checkpoint, proof } = await services.proofs.consistency(query.size);
      const { digest } = services;
      const hashes = proof.map((hash) => digest.base64(hash));
      const body = { size: first, root: digest.base64(root), proof: hashes };
      return { status: 200, body: { ...body, checkpoint: checkpoint.note } };
    },
  }),
];

async function tile(services: Services, path: string): Promise<WholeAnswer> {
  const id = parseTilePath(path);
  if (id === undefined)
    throw new InvalidInput("tile-path-malformed", `${path.slice(0, 100)} names no tile`, {
      hint: "Paths are like 0/x001/067, entries/000 or 1/000.p/17",
    });
  const bytes = await services.transparencyLog.tile(id);
  if (bytes === undefined) throw beyondLog(id);
  return { status: 200, bytes, type: BYTES, headers: IMMUTABLE };
}

const beyondLog = ({ width }: TileId): NotFound =>
  new NotFound("tile-not-found", "The log has no such tile yet", {
    hint:
      width === TILE_WIDTH
        ? "Ask for the partial tile whose width follows from the checkpoint's size"
        : "Take the size of GET /v1/ledger/checkpoint",
  });

function indexOf(text: string): number {
  const index = Number(text);
  if (Number.isSafeInteger(index) && index >= 0 && `${index}` === text) return index;
  throw new InvalidInput("invalid-index", `${text.slice(0, 40)} is not an index`, {
    hint: "Indexes are whole numbers from 0, without zeros in front",
  });
}
