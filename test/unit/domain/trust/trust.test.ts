import assert from "node:assert/strict";
import type { Signer, TrustPolicy } from "../../../../src/domain/trust/policy.ts";
import { approvalStatement, migrationStatement } from "../../../../src/domain/trust/statements.ts";
import { checkTrust, judge, type Evidence } from "../../../../src/domain/trust/trust.ts";
import { NodeSignatures } from "../../../../src/infra/signatures/node-signatures.ts";
import { signatureVectors as vectors } from "../../../support/signature-vectors.ts";

const signatures = new NodeSignatures();
const NOW = "2026-06-01T00:00:00.000Z";
const { text, namespace } = vectors;
const { key, signature, fingerprint } = vectors.sshsig["ed25519"]!;
const signer: Signer = { name: "release", key };
const signed: Evidence = { text, namespace, signature };
const pipeline = {
  name: "main",
  issuer: "https://issuer.example",
  claims: { repository: "shop/app", ref: "refs/heads/main" },
  record: ["sha", "run", "absent", "object"],
};
const claims = {
  repository: "shop/app",
  ref: ["refs/heads/main", "refs/tags/1"],
  sha: "f00",
  run: 7,
  object: {},
};
const by = (issuer: string, more: object = {}): Evidence => ({
  text,
  namespace,
  identity: { issuer, claims: { ...claims, ...more } },
});

const judged = (policy: TrustPolicy, evidence: Evidence, registered = NOW) =>
  judge(policy, evidence, { registered, now: NOW }, signatures);
const refuses = (code: string, policy: TrustPolicy, evidence: Evidence, registered = NOW): void => {
  assert.throws(() => judged(policy, evidence, registered), { code });
};

describe("trust in migrations", () => {
  it("is given to a signature by a listed key, and says whose it is", () => {
    assert.deepEqual(judged({ signers: [signer] }, signed), {
      by: "signature",
      signer: "release",
      format: "sshsig",
      key: fingerprint,
    });
  });

  it("is refused to what is unsigned, signed by others or over something else", () => {
    refuses("signature-missing", { signers: [signer] }, { text, namespace });
    const other = { name: "other", key: vectors.minisign.key };
    refuses("signer-unknown", { signers: [other] }, signed);
    refuses("signer-unknown", { identities: [pipeline] }, signed);
    refuses("signature-invalid", { signers: [signer] }, { ...signed, text: "other" });
    refuses("signature-invalid", { signers: [signer] }, { ...signed, namespace: "file" });
    refuses("signature-invalid", { signers: [signer] }, { ...signed, signature: "nonsense" });
  });

  it("is refused before and after a signer's time, judged by when it was registered", () => {
    const limited = { ...signer, from: "2026-01-01T00:00:00Z", until: NOW };
    refuses("signer-expired", { signers: [limited] }, signed);
    refuses("signer-expired", { signers: [limited] }, signed, "2025-12-31T23:59:59Z");
    const at = "2026-05-31T23:59:59.999Z";
    assert.equal(judged({ signers: [limited] }, signed, at).by, "signature");
  });

  it("ends with a revocation, whenever it was registered", () => {
    const revoked = { ...signer, revokedAt: NOW };
    refuses("signer-revoked", { signers: [revoked] }, signed, "2020-01-01T00:00:00Z");
    const later = { ...signer, revokedAt: "2026-06-01T00:00:00.001Z" };
    assert.equal(judged({ signers: [later] }, signed).by, "signature");
  });

  it("is given to a pipeline whose token has every claim, and records what is asked for", () => {
    assert.deepEqual(judged({ identities: [pipeline] }, by(pipeline.issuer)), {
      by: "identity",
      identity: "main",
      issuer: pipeline.issuer,
      claims: { sha: "f00", run: "7", repository: "shop/app", ref: "refs/heads/main" },
    });
  });

  it("is refused to a pipeline of another issuer, repository or branch", () => {
    for (const evidence of [
      by("https://issuer.example/"),
      by(pipeline.issuer, { repository: "shop/fork" }),
      by(pipeline.issuer, { ref: "refs/heads/main2" }),
      by(pipeline.issuer, { ref: [["refs/heads/main"]] }),
      by(pipeline.issuer, { ref: undefined }),
    ])
      refuses("signature-missing", { identities: [pipeline] }, evidence);
    const inherited = { ...pipeline, claims: { toString: "x" } };
    refuses("signature-missing", { identities: [inherited] }, by(pipeline.issuer));
  });

  it("lets a signature speak where the pipeline does not", () => {
    const policy = { signers: [signer], identities: [pipeline] };
    assert.equal(judged(policy, { ...by("https://other.example"), signature }).by, "signature");
  });
});

describe("a policy of trust", () => {
  const senseless = (code: string, policy: TrustPolicy): void => {
    assert.throws(() => checkTrust(policy, signatures), { code });
  };

  it("is refused when it cannot be meant", () => {
    senseless("trust-policy-invalid", {});
    senseless("trust-policy-invalid", { signers: [], identities: [] });
    senseless("trust-policy-invalid", { identities: [{ ...pipeline, claims: {} }] });
    const same = { name: "release", key: vectors.minisign.key };
    senseless("trust-policy-invalid", { signers: [signer, same] });
    // Revoked under one name, it would go on under the other.
    const twice = [
      { ...signer, revokedAt: NOW },
      { name: "again", key: key.replace(/ a test$/, "") },
    ];
    senseless("trust-policy-invalid", { signers: twice });
    senseless("signer-key-invalid", { signers: [{ name: "x", key: "ssh-ed25519 AAAA" }] });
    checkTrust({ signers: [signer], identities: [pipeline] }, signatures);
  });
});

describe("the text that is signed", () => {
  it("says everything that makes the migration, in one way", () => {
    const checksum = `sha256:${"0123456789abcdef".repeat(4)}`;
    assert.equal(migrationStatement({ version: "7", name: "create ordérs", checksum }), text);
  });

  it("says where a migration of another tool has its place, and that it is repeatable", () => {
    const made = { version: "7", name: "n", checksum: "sha256:1", order: "2\n", repeatable: true };
    assert.equal(
      migrationStatement(made),
      'schemaledger-migration v1\nversion 7\nname "n"\nchecksum sha256:1\norder "2\\n"\nrepeatable\n',
    );
  });

  it("cannot be forged by a name with line breaks", () => {
    const name = 'x"\nchecksum sha256:0';
    const lines = migrationStatement({ version: "7", name, checksum: "sha256:1" }).split("\n");
    assert.equal(lines.length, 5);
    assert.equal(lines.filter((line) => line.startsWith("checksum")).length, 1);
  });

  it("of an approval names run and plan", () => {
    assert.equal(
      approvalStatement({ what: "run", id: "r", planDigest: "sha256:0" }),
      "schemaledger-approval v1\nrun r\nplan sha256:0\n",
    );
    // One for a restore says nothing of a run with the same id.
    assert.equal(
      approvalStatement({ what: "restore", id: "r", planDigest: "sha256:0" }),
      "schemaledger-approval v1\nrestore r\nplan sha256:0\n",
    );
  });
});
