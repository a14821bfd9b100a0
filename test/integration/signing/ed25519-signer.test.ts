import assert from "node:assert/strict";
import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { parseVerifierKey } from "../../../src/domain/ledger/verifier-key.ts";
import { checkEd25519, Ed25519Signer } from "../../../src/infra/signing/ed25519-signer.ts";
import { digest } from "../../support/digest.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

describe("Ed25519Signer", () => {
  const directory = temporaryDirectory();
  const file = (): string => directory.file("signing.key");
  const text = digest.utf8("text\n");

  it("makes a key that only its owner can read, and nothing else", async () => {
    await Ed25519Signer.load(file(), "ledger.example");
    assert.equal(statSync(file()).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory.path), ["signing.key"]);
  });

  it("signs the same with the key loaded again", async () => {
    const first = await Ed25519Signer.load(file(), "ledger.example");
    const second = await Ed25519Signer.load(file(), "ledger.example");
    const signature = await first.sign(text);
    assert.deepEqual(await second.sign(text), signature);
    const { publicKey } = parseVerifierKey(digest, second.verifierKey);
    assert.equal(checkEd25519(publicKey, text, signature), true);
    assert.equal(checkEd25519(publicKey, digest.utf8("other\n"), signature), false);
  });

  it("ends with one key when two start at once", async () => {
    const both = [1, 2].map(() => Ed25519Signer.load(file(), "ledger.example"));
    const [first, second] = await Promise.all(both);
    assert.equal(first?.verifierKey, second?.verifierKey);
    const third = await Ed25519Signer.load(file(), "ledger.example");
    assert.equal(third.verifierKey, first?.verifierKey);
  });

  it("refuses a key that others can read", async () => {
    await Ed25519Signer.load(file(), "ledger.example");
    chmodSync(file(), 0o640);
    await assert.rejects(Ed25519Signer.load(file(), "ledger.example"), {
      code: "key-file-exposed",
    });
  });

  it("refuses a file that holds no Ed25519 key", async () => {
    writeFileSync(file(), "not a key", { mode: 0o600 });
    await assert.rejects(Ed25519Signer.load(file(), "ledger.example"), {
      code: "key-file-unreadable",
    });
  });

  it("refuses a name that no note can carry", async () => {
    for (const name of ["", "a b", "a+b", "a\n"]) {
      await assert.rejects(Ed25519Signer.load(file(), name), { code: "invalid-key-name" });
    }
  });
});
