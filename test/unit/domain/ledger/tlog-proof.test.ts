import assert from "node:assert/strict";
import { parseTlogProof, tlogProofText } from "../../../../src/domain/ledger/tlog-proof.ts";
import { digest } from "../../../support/digest.ts";
import { vectors } from "../../../support/vectors.ts";

describe("a proof file", () => {
  it("is the vector, byte for byte, read and written", () => {
    const { setB, events, tlogProof, checkpoint8 } = vectors;
    const { proof } = setB.inclusion.find(({ index, size }) => index === 5 && size === 8)!;
    const { salt_hex: salt, data_jcs: data } = events[5]!;
    const extra = Buffer.concat([digest.fromHex(salt), digest.utf8(data)]);
    const path = proof.map((hash) => digest.fromHex(hash));
    const written = tlogProofText(digest, {
      extra,
      index: 5,
      path,
      checkpoint: checkpoint8.cosigned,
    });
    assert.equal(written, tlogProof);
    assert.equal(Buffer.byteLength(written), 567);
    const read = parseTlogProof(digest, tlogProof);
    assert.deepEqual(
      { ...read, path: read.path.map((h) => digest.hex(h)) },
      {
        extra,
        index: 5,
        path: proof,
        checkpoint: checkpoint8.cosigned,
      },
    );
  });

  it("may have no extra and no hashes", () => {
    const file = { extra: undefined, index: 0, path: [], checkpoint: "c\n" };
    assert.deepEqual(parseTlogProof(digest, tlogProofText(digest, file)), file);
  });

  it("is refused in any other form", () => {
    const good = vectors.tlogProof;
    for (const bad of [
      "",
      good.replace("@v1", "@v2"),
      good.replace("index 5", "index 05"),
      good.replace("index 5", "index -5"),
      good.replace("extra paW", "extra pa W"),
      good.replace("UQPW", "UQP"),
      good.replace("\n\n", "\n"),
      good.replaceAll("\n\n", "\n"),
    ])
      assert.throws(() => parseTlogProof(digest, bad), { code: "malformed-proof" }, bad);
  });
});
