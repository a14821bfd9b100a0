import assert from "node:assert/strict";
import { NodeSignatures } from "../../../../src/infra/signatures/node-signatures.ts";
import { signatureVectors as vectors } from "../../../support/signature-vectors.ts";

const signatures = new NodeSignatures();
const { text, namespace, sshsig, minisign } = vectors;
const ed25519 = sshsig["ed25519"]!;
const everyKey = [...Object.values(sshsig).map(({ key }) => key), minisign.key];

const check = (signature: string, keys = everyKey, over = text) =>
  signatures.check({ signature, text: over, namespace }, keys);

/** The armored bytes with one of them changed. */
function withByte(armored: string, change: (bytes: Buffer) => void): string {
  const bytes = Buffer.from(armored.replace(/-----.*-----|\n/g, ""), "base64");
  change(bytes);
  const lines = bytes.toString("base64").replace(/.{70}/g, "$&\n");
  return `-----BEGIN SSH SIGNATURE-----\n${lines.trimEnd()}\n-----END SSH SIGNATURE-----\n`;
}

describe("signatures of ssh-keygen", () => {
  for (const [kind, { key, fingerprint, signature }] of Object.entries(sshsig)) {
    it(`are verified: ${kind}`, () => {
      assert.deepEqual(signatures.keyOf(key), { format: "sshsig", fingerprint });
      assert.deepEqual(check(signature), {
        outcome: "valid",
        key: { format: "sshsig", fingerprint },
      });
    });

    it(`are not taken over another text, nor by another key: ${kind}`, () => {
      assert.equal(check(signature, everyKey, `${text} `).outcome, "invalid");
      const others = everyKey.filter(
        (other) => signatures.keyOf(other)?.fingerprint !== fingerprint,
      );
      assert.deepEqual(check(signature, others), {
        outcome: "unknown-key",
        key: { format: "sshsig", fingerprint },
      });
    });

    it(`hold no byte that could be changed: ${kind}`, () => {
      const length = Buffer.from(signature.replace(/-----.*-----|\n/g, ""), "base64").length;
      // Every byte of the shortest one; of the others enough to touch each part.
      const stride = kind === "ed25519" ? 1 : 11;
      for (let at = 0; at < length; at += stride) {
        const changed = withByte(signature, (bytes) => (bytes[at]! ^= 1));
        assert.notEqual(check(changed).outcome, "valid", `byte ${at}`);
      }
    });
  }

  it("are taken for their namespace alone", () => {
    const checked = check(vectors.otherNamespace);
    assert.equal(checked.outcome, "invalid");
    assert.match(checked.outcome === "invalid" ? checked.why : "", /made for "file"/);
    const other = { signature: vectors.otherNamespace, text, namespace: "file" };
    assert.equal(signatures.check(other, everyKey).outcome, "valid");
  });

  it("are refused cut off, with something behind, or in strange armour", () => {
    const { signature } = ed25519;
    for (const broken of [
      "",
      "x".repeat(10_000),
      signature.slice(0, 200),
      signature.replace("-----END", "-----FIN"),
      signature.replace("\n", "\n!"),
      withByte(signature, (bytes) => bytes.writeUInt32BE(0xffff_ffff, 10)),
      signature.replace("BEGIN SSH SIGNATURE-----\n", "BEGIN SSH SIGNATURE-----\nAAAA"),
      signature + signature,
    ])
      assert.equal(check(broken).outcome, "invalid", broken.slice(0, 80));
  });

  it("are read with the line ends of Windows and space around", () => {
    assert.equal(check(`\n${ed25519.signature.replaceAll("\n", "\r\n")}\n`).outcome, "valid");
  });
});

describe("signatures of minisign", () => {
  const keys = [minisign.other, minisign.key];

  it("are verified with the key whose id they name", () => {
    const checked = check(minisign.signature, keys);
    assert.equal(checked.outcome, "valid");
    assert.deepEqual(checked.outcome === "valid" && checked.key, signatures.keyOf(minisign.key));
  });

  it("are refused over another text, of another key, or with another trusted comment", () => {
    assert.equal(check(minisign.signature, keys, `${text}x`).outcome, "invalid");
    assert.equal(check(minisign.signature, [minisign.other]).outcome, "unknown-key");
    const comment = minisign.signature.replace("a trusted comment", "another comment");
    assert.equal(check(comment, keys).outcome, "invalid");
    assert.equal(check(`${minisign.signature}x`, keys).outcome, "invalid");
  });

  it("are not taken because another key has the same id", () => {
    const own = Buffer.from(minisign.key, "base64");
    const forged = Buffer.from(minisign.other, "base64");
    forged.set(own.subarray(2, 10), 2);
    const lookalike = forged.toString("base64");
    assert.notEqual(
      signatures.keyOf(lookalike)?.fingerprint,
      signatures.keyOf(minisign.key)?.fingerprint,
    );
    assert.equal(check(minisign.signature, [lookalike]).outcome, "invalid");
    assert.equal(check(minisign.signature, [lookalike, minisign.key]).outcome, "valid");
  });

  it("are refused in the old form, which signs the text unhashed", () => {
    const checked = check(minisign.legacy, keys);
    assert.match(checked.outcome === "invalid" ? checked.why : "", /old form/);
  });
});

describe("public keys", () => {
  it("are understood with or without a comment, and of minisign with the line above", () => {
    const bare = ed25519.key.split(" ").slice(0, 2).join(" ");
    assert.equal(signatures.keyOf(bare)?.fingerprint, ed25519.fingerprint);
    const file = `untrusted comment: minisign public key\n${minisign.key}\n`;
    assert.deepEqual(signatures.keyOf(file), signatures.keyOf(minisign.key));
  });

  it("are refused when small, of unknown types, cut off or more than one", () => {
    const [type, blob] = ed25519.key.split(" ") as [string, string];
    const ecdsa = sshsig["ecdsa-256"]!.key.split(" ")[1]!;
    const offCurve = Buffer.from(ecdsa, "base64");
    offCurve[offCurve.length - 1]! ^= 1;
    for (const key of [
      "",
      "ssh-ed25519",
      vectors.smallRsa,
      `ssh-rsa ${blob}`,
      `${type} ${blob.slice(0, -8)}`,
      `${type} ${blob}AAAA`,
      `ssh-dss ${Buffer.from("\0\0\0\u0007ssh-dss").toString("base64")}`,
      `ecdsa-sha2-nistp256 ${offCurve.toString("base64")}`,
      `${ed25519.key}\n${sshsig["rsa"]!.key}`,
      `cert-authority ${ed25519.key}`,
      minisign.key.slice(0, -4),
    ])
      assert.equal(signatures.keyOf(key), undefined, key.slice(0, 60));
  });
});
