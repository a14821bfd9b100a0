import assert from "node:assert/strict";
import { envelopeWriter } from "../../../../src/domain/ledger/envelope.ts";
import { jcs } from "../../../../src/domain/ledger/jcs.ts";
import { leafHash } from "../../../../src/domain/ledger/merkle.ts";
import {
  dataHash,
  payloadWriter,
  present,
  recordedContext,
} from "../../../../src/domain/ledger/payload.ts";
import type { Json } from "../../../../src/domain/shared/json.ts";
import { digest } from "../../../support/digest.ts";
import { context } from "../../../support/ledger-samples.ts";
import { vectors } from "../../../support/vectors.ts";

const frame = {
  actor: { id: 'act_"1"', kind: "service" },
  causation: null,
  correlation: "run é",
  stream: "database:\\a",
  time: "2026-01-02T03:04:05.000Z",
} as const;
const facts = {
  dataHash: "sha256:00",
  id: "id-1",
  index: 7,
  streamVersion: 3,
  type: "KeyRevoked",
  v: 1,
};
const members = {
  actor: frame.actor.id,
  actor_kind: "service",
  causation: null,
  correlation: frame.correlation,
  data_hash: "sha256:00",
  id: "id-1",
  index: 7,
  stream: frame.stream,
  stream_pos: 3,
  time: frame.time,
  type: "KeyRevoked",
  v: 1,
};

describe("the envelope", () => {
  it("is the JCS form of its members", () => {
    assert.equal(envelopeWriter(frame)(facts), jcs(members));
    const caused = envelopeWriter({ ...frame, causation: "event-1" })(facts);
    assert.equal(caused, jcs({ ...members, causation: "event-1" }));
  });

  for (const [index, vector] of vectors.events.entries()) {
    it(`of sample event ${index} has its hash, and commits to its payload`, () => {
      const envelope = JSON.parse(vector.env_jcs) as { readonly [member: string]: Json };
      assert.equal(jcs(envelope), vector.env_jcs);
      const bytes = digest.utf8(vector.env_jcs);
      assert.equal(bytes.length, vector.len);
      assert.equal(digest.hex(bytes), vectors.setB.leaves_hex[index]);
      const hash = digest.hex(leafHash(digest.sha256, bytes));
      assert.equal(hash, vectors.setB.leaf_hashes[index]);
      const payload = jcs(JSON.parse(vector.data_jcs) as Json);
      const salt = digest.fromHex(vector.salt_hex);
      assert.equal(dataHash(digest, salt, digest.utf8(payload)), envelope["data_hash"]);
    });
  }
});

describe("the payload", () => {
  const place = { host: "h", instance: "i", toolVersion: "1.0.0" };

  it("is the JCS form of context and data", () => {
    const recorded = recordedContext(context({ source: {} }), place);
    const data = { b: 1, a: ["x", { d: null, c: true }] };
    const text = payloadWriter(recorded)(data);
    assert.equal(text, jcs({ data, context: recorded as unknown as Json }));
    assert.deepEqual(JSON.parse(text), {
      context: {
        authn: { keyId: "key-1", method: "api-key" },
        host: "h",
        instance: "i",
        requestId: "request-1",
        source: {},
        tool: { version: "1.0.0" },
      },
      data,
    });
  });

  it("drops undefined members at any depth, and copies only then", () => {
    const whole = { a: [{ b: null }], c: 0 };
    assert.equal(present(whole), whole);
    const partial = { a: [{ b: undefined, c: 1 }], d: undefined };
    assert.deepEqual(present(partial), { a: [{ c: 1 }] });
    assert.ok("d" in partial);
  });
});
