import assert from "node:assert/strict";
import { openCheckpoint } from "../../src/domain/ledger/checkpoint.ts";
import { leafHash, verifyConsistency, verifyInclusion } from "../../src/domain/ledger/merkle.ts";
import { parseTlogProof } from "../../src/domain/ledger/tlog-proof.ts";
import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import { checkEd25519 } from "../../src/infra/signing/ed25519-signer.ts";
import { digest } from "../support/digest.ts";
import { TestService } from "../support/service.ts";

describe("the transparency log over HTTP", () => {
  let service: TestService;
  before(async () => {
    service = await TestService.start();
    await service.register("shop");
  });
  after(() => service.stop());

  const bytes = async (path: string): Promise<{ response: Response; body: Uint8Array }> => {
    const headers = { authorization: `Bearer ${service.token}` };
    const response = await fetch(service.url + path, { headers });
    return { response, body: new Uint8Array(await response.arrayBuffer()) };
  };
  const opened = async (note: string) => {
    const vkey = (await service.get("/v1/ledger/vkey")).text.split("\n")[0]!;
    return openCheckpoint(digest, note, [parseVerifierKey(digest, vkey)], checkEd25519);
  };

  it("serves tiles that may be kept for ever, and checkpoints that may not", async () => {
    const size = await service.size();
    const { response, body } = await bytes(`/v1/ledger/tile/0/000.p/${size}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    assert.equal(response.headers.get("cache-control"), "private, max-age=31536000, immutable");
    assert.equal(body.length, 32 * size);
    const smaller = await bytes("/v1/ledger/tile/0/000.p/2");
    assert.deepEqual(smaller.body, body.slice(0, 64));
    const checkpoint = await service.get("/v1/ledger/checkpoint");
    assert.equal(checkpoint.headers.get("cache-control"), "no-store");
  });

  it("answers what is not there, and what is no tile", async () => {
    for (const path of ["0/000", "0/000.p/255", "1/000.p/1", "entries/x001/000", "63/000.p/1"]) {
      const { status, body } = await service.get(`/v1/ledger/tile/${path}`);
      assert.deepEqual([status, body.code], [404, "tile-not-found"], path);
    }
    for (const path of [
      "0/1",
      "0/000.p/256",
      "64/000",
      "entries",
      "0/..%2f000",
      "0/000/",
      "a/b/c/d",
    ]) {
      const { status, body } = await service.get(`/v1/ledger/tile/${path}`);
      assert.deepEqual([status, body.code], [400, "tile-path-malformed"], path);
    }
    assert.equal((await service.get("/v1/ledger/tile/0/000.p/1", { token: null })).status, 401);
    assert.equal((await service.post("/v1/ledger/tile/0/000.p/1")).status, 405);
  });

  it("proves an event to whoever has its entry and the verifier key", async () => {
    const index = (await service.size()) - 1;
    const { text, headers } = await service.get(`/v1/ledger/events/${index}/proof`);
    assert.match(headers.get("content-disposition") ?? "", /event-\d+\.tlog-proof/);
    const proof = parseTlogProof(digest, text);
    const entry = (await bytes(`/v1/ledger/events/${index}/entry`)).body;
    const { size, root } = await opened(proof.checkpoint);
    const leaf = leafHash(digest.sha256, entry);
    assert.ok(verifyInclusion(digest.sha256, { index, size, leaf }, proof.path, root));
    const envelope = JSON.parse(Buffer.from(entry).toString()) as Record<string, unknown>;
    assert.equal(envelope["data_hash"], digest.ofBytes(proof.extra!));
    assert.equal(envelope["index"], index);
  });

  it("has no proof of what is not there", async () => {
    const size = await service.size();
    assert.equal(
      (await service.get(`/v1/ledger/events/${size}/proof`)).body.code,
      "event-not-found",
    );
    assert.equal((await service.get(`/v1/ledger/events/${size}/entry`)).status, 404);
    for (const index of ["-1", "1.0", "01", "1e3", "x", "9007199254740993"]) {
      const { status, body } = await service.get(`/v1/ledger/events/${index}/proof`);
      assert.deepEqual([status, body.code], [400, "invalid-index"], index);
    }
  });

  it("proves that it continues a checkpoint kept earlier", async () => {
    const kept = await opened((await service.get("/v1/ledger/checkpoint")).text);
    await service.register("more");
    const { body } = await service.get(`/v1/ledger/consistency?size=${kept.size}`);
    const now = await opened(body.checkpoint);
    assert.equal(body.root, digest.base64(kept.root));
    const proof = body.proof.map((hash: string) => digest.fromBase64(hash)!);
    assert.ok(verifyConsistency(digest.sha256, kept, now, proof));
    for (const size of ["0", "99999999", "x", ""])
      assert.equal((await service.get(`/v1/ledger/consistency?size=${size}`)).status, 400, size);
  });
});
