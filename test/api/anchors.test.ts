import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { continueAnew, rollForwardFrom } from "../../src/api/ledger-recovery.ts";
import { verifyOffline } from "../../src/api/offline-ledger.ts";
import { startWitness, type RunningWitness } from "../../src/api/witness-service.ts";
import { checkEd25519 } from "../../src/infra/signing/ed25519-signer.ts";
import { openNote } from "../../src/domain/ledger/note.ts";
import { parseVerifierKey } from "../../src/domain/ledger/verifier-key.ts";
import { digest } from "../support/digest.ts";
import { TestService } from "../support/service.ts";
import { hasOpenssl, TimeAuthorityServer } from "../support/time-authority.ts";

describe("anchors outside the ledger", function () {
  this.timeout(40_000);
  let service: TestService;
  let witness: RunningWitness | undefined;

  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
  });
  afterEach(async () => {
    await service.stop();
    await witness?.close();
    witness = undefined;
  });

  const at = (name: string): string => join(service.directory, name);
  const anchors = async (...lines: readonly string[]): Promise<void> => {
    await writeFile(join(service.data, "anchors.conf"), `${lines.join("\n")}\n`);
    await service.restart();
  };
  async function until<T>(what: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < 300; tries += 1) {
      const found = await what();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("It did not come about");
  }
  const exported = async (): Promise<number> => {
    const note = await readFile(at("export/checkpoint"), "utf8").catch(() => undefined);
    return Number(note?.split("\n")[1] ?? 0);
  };
  const witnessed = async (): Promise<RunningWitness> => {
    const vkey = (await service.get("/v1/ledger/vkey")).text.trim();
    const options = { state: at("witness"), logs: [vkey], host: "127.0.0.1" };
    return startWitness({ ...options, name: "witness.example/w1", port: 0 });
  };
  /** The ledger and what hangs on it as it was; anchors stay. */
  async function rollBack(older: string): Promise<void> {
    for (const name of await readdir(service.data))
      if (/^(ledger|checkpoint|projection|tiles)/.test(name))
        await rm(join(service.data, name), { recursive: true });
    for (const name of await readdir(older))
      if (/^(ledger|checkpoint|projection|tiles)/.test(name))
        await cp(join(older, name), join(service.data, name), { recursive: true });
  }
  async function olderAndNewer(): Promise<string> {
    await service.halt();
    await cp(service.data, at("older"), { recursive: true });
    await service.restart();
    await service.register("more");
    const size = await service.size();
    await until(async () => ((await exported()) >= size ? true : undefined));
    await service.halt();
    return at("older");
  }

  it("are published to: the log in a directory, and the same again after a restart", async () => {
    await anchors(`export ${at("export")}`, "publish-every 0.05");
    const size = await service.size();
    await until(async () => ((await exported()) >= size ? true : undefined));
    await service.register("more");
    await service.halt();
    const found = await verifyOffline(at("export"), { checkpoints: [], vkeys: [] });
    assert.deepEqual([found.ok, found.size], [true, await exported()]);
    assert.ok(found.size > size, "what was signed last goes out when the service stops");
    await service.restart();
  });

  it("refuse an older ledger, until it is rolled forward from the export", async () => {
    await anchors(`export ${at("export")}`, "publish-every 0.05");
    const older = await olderAndNewer();
    await rollBack(older);
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    const { size, added } = await rollForwardFrom(service.data, at("export"));
    assert.ok(added > 0);
    await assert.rejects(rollForwardFrom(service.data, at("nowhere")), {
      code: "export-incomplete",
    });
    await service.restart();
    assert.ok((await service.size()) >= size);
    assert.deepEqual((await service.post("/v1/ledger/verifications")).body.findings, []);
    assert.equal((await service.get("/v1/databases/more")).status, 200);
    const migrations = [{ version: "1", name: "one", up: "CREATE TABLE t (x)" }];
    await service.post("/v1/databases/more/migrations", { migrations });
    const { body } = await service.post("/v1/databases/more/runs");
    assert.equal((await service.get(`/v1/runs/${body.id}?wait=20`)).body.status, "succeeded");
  });

  it("refuse a ledger that went another way", async () => {
    await anchors(`export ${at("export")}`, "publish-every 0.05");
    const older = await olderAndNewer();
    await rollBack(older);
    const conf = await readFile(join(service.data, "anchors.conf"));
    await rm(join(service.data, "anchors.conf"));
    await service.restart();
    for (const name of ["x", "y", "z"]) await service.register(name);
    await service.halt();
    await writeFile(join(service.data, "anchors.conf"), conf);
    await assert.rejects(service.restart(), { code: "ledger-forked" });
    await assert.rejects(rollForwardFrom(service.data, at("export")), {
      code: "export-does-not-continue",
    });
    await rm(join(service.data, "anchors.conf"));
    await service.restart();
  });

  it("cosign the log, and refuse an older one", async () => {
    witness = await witnessed();
    await anchors(
      `witness w1 ${witness.verifierKey} ${witness.url} # the only one`,
      `export ${at("export")}`,
      "publish-every 0.05",
    );
    const cosigned = await until(async () => {
      const { status, text } = await service.get("/v1/ledger/cosigned-checkpoint");
      return status === 200 ? text : undefined;
    });
    const keys = [parseVerifierKey(digest, witness.verifierKey)];
    assert.equal(openNote(digest, cosigned, keys, checkEd25519).verified.length, 1);
    const older = await olderAndNewer();
    openNote(digest, await readFile(at("export/checkpoint"), "utf8"), keys, checkEd25519);
    await rollBack(older);
    await rm(at("export"), { recursive: true });
    await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    await witness.close();
    await service.restart();
    assert.ok(service.logged.some(({ message }) => message.includes("The witness w1 could not")));
    await until(async () => {
      const { text } = await service.get("/metrics");
      const seconds = Number(/^schemaledger_anchors_behind_seconds (\S+)$/m.exec(text)?.[1]);
      return seconds > 0 ? seconds : undefined;
    });
  });

  it("are named by a file that is read strictly", async () => {
    for (const line of [
      "nonsense",
      "witness w1 x",
      "export",
      "timestamp ftp://x y",
      "publish-every 0",
    ]) {
      await writeFile(join(service.data, "anchors.conf"), `${line}\n`);
      await assert.rejects(service.restart(), { code: "anchors-file-wrong" }, line);
    }
    await rm(join(service.data, "anchors.conf"));
    await service.restart();
    assert.equal((await service.get("/v1/ledger/cosigned-checkpoint")).body.code, "not-cosigned");
  });

  it("stamp the time, which is recorded, and a heartbeat fills the silence", async function () {
    if (!hasOpenssl()) return this.skip();
    await mkdir(at("tsa"));
    const authority = new TimeAuthorityServer(at("tsa"));
    const url = await authority.listen();
    try {
      const stamp = `timestamp ${url} ${authority.certificates}`;
      await anchors(stamp, "publish-every 0.05", "anchor-every 1");
      const typed = async (type: string) => {
        const { body } = await service.get(`/v1/audit/events?type=${type}&limit=10`);
        return body.items.length > 0 ? body.items : undefined;
      };
      const [anchored] = await until(() => typed("CheckpointAnchored"));
      assert.equal(anchored.data.by, url);
      assert.ok(anchored.data.size <= anchored.index);
      const [beat] = await until(() => typed("HeartbeatRecorded"));
      assert.ok(beat.data.seconds >= 1);
      assert.deepEqual((await service.post("/v1/ledger/verifications")).body.findings, []);
    } finally {
      await authority.close();
    }
  });

  it("are left behind by a new ledger that names the lost one", async () => {
    await service.halt();
    const note = await readFile(join(service.data, "checkpoint"), "utf8");
    const { previousOrigin, aside } = await continueAnew(service.data, "The disk was lost");
    assert.ok((await readdir(aside)).includes("ledger.db"));
    await rm(join(service.data, "keys", "admin.key"));
    await service.restart();
    const { items } = (await service.get("/v1/audit/events?limit=2")).body;
    assert.equal(items[0].type, "LedgerContinued");
    assert.deepEqual(items[0].data, {
      previousOrigin,
      lastCheckpoint: note,
      reason: "The disk was lost",
    });
    assert.equal(items[1].type, "LedgerOpened");
    assert.notEqual(items[1].data.origin, previousOrigin);
    assert.deepEqual((await service.post("/v1/ledger/verifications")).body.findings, []);
    const again = await service.register("shop");
    assert.equal(again.body.code, "other-ledger");
    await assert.rejects(continueAnew(at("nowhere"), "x"), { code: "nothing-to-continue" });
  });
});
