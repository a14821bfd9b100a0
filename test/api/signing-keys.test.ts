import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../../src/domain/ledger/checkpoint.ts";
import { parseNote } from "../../src/domain/ledger/note.ts";
import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import { checkEd25519 } from "../../src/infra/signing/ed25519-signer.ts";
import { digest } from "../support/digest.ts";
import { TestService } from "../support/service.ts";

describe("rotating the signing key", () => {
  let service: TestService;
  beforeEach(async () => {
    service = await TestService.start();
  });
  afterEach(() => service.stop());

  const keys = async (): Promise<string[]> =>
    (await service.get("/v1/ledger/vkey")).text.trimEnd().split("\n");
  const rotate = async (): Promise<void> => {
    const { status } = await service.post("/v1/ledger/signing-keys", { reason: "yearly" });
    assert.equal(status, 201);
  };
  const retire = (verifierKey: string) =>
    service.post("/v1/ledger/signing-keys/retirements", { verifierKey, reason: "known by all" });
  const signedBy = async (vkey: string): Promise<boolean> => {
    const { text } = await service.get("/v1/ledger/checkpoint");
    try {
      openCheckpoint(digest, text, [parseVerifierKey(digest, vkey)], checkEd25519);
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, "unknown-signer");
      return false;
    }
  };
  const verified = async (): Promise<boolean> =>
    (await service.post("/v1/ledger/verifications")).body.ok;

  it("lets both keys sign until the old one is retired, across restarts", async () => {
    const [old] = await keys();
    await rotate();
    const [fresh, also, ...none] = await keys();
    assert.deepEqual([also, none], [old, []]);
    assert.notEqual(fresh, old);
    for (const restarted of [false, true]) {
      if (restarted) await service.restart();
      assert.ok((await signedBy(old!)) && (await signedBy(fresh!)));
      const { text } = await service.get("/v1/ledger/checkpoint");
      assert.equal(parseNote(digest, text).signatures.length, 2);
      assert.ok(await verified());
    }
    assert.equal((await retire(old!)).status, 201);
    for (const restarted of [false, true]) {
      if (restarted) await service.restart();
      assert.deepEqual(await keys(), [fresh]);
      assert.deepEqual([await signedBy(old!), await signedBy(fresh!)], [false, true]);
      assert.ok(await verified(), "checkpoints of the old key still verify");
    }
    const files = await readdir(join(service.data, "keys"));
    assert.equal(files.filter((name) => name.startsWith("signing")).length, 1, String(files));
  });

  it("keeps at least one key, and retires each once", async () => {
    const [first] = await keys();
    assert.equal((await retire(first!)).body.code, "last-signing-key");
    assert.equal((await retire("nobody+00000000+AAAA")).body.code, "signing-key-not-found");
    await rotate();
    await retire(first!);
    assert.equal((await retire(first!)).body.code, "signing-key-retired");
    const { body } = await service.get("/v1/ledger/signing-keys");
    assert.deepEqual(
      body.items.map(({ retiredAt }: { retiredAt: string | null }) => retiredAt === null),
      [true, false],
    );
  });

  it("is an administrator's, and gives a reason", async () => {
    const token = await service.tokenFor("operator");
    const { status } = await service.post("/v1/ledger/signing-keys", { reason: "x" }, { token });
    assert.equal(status, 403);
    assert.equal((await service.post("/v1/ledger/signing-keys", {})).status, 400);
    assert.equal((await keys()).length, 1);
  });
});
