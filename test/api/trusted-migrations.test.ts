import assert from "node:assert/strict";
import { checksumOf, type MigrationInput } from "../../src/domain/migration/migration.ts";
import { MIGRATION_NAMESPACE, migrationStatement } from "../../src/domain/trust/statements.ts";
import { NodeDigest } from "../../src/infra/signing/node-digest.ts";
import { hasSshKeygen, SshKeyPair } from "../support/ssh-keygen.ts";
import { TestService } from "../support/service.ts";
import { TestIssuer } from "../support/token-issuer.ts";

const FIRST = { version: "1", name: "orders", up: "CREATE TABLE orders (id INTEGER PRIMARY KEY)" };
const statementOf = (migration: MigrationInput): string =>
  migrationStatement({ ...migration, checksum: checksumOf(migration, new NodeDigest()) });

describe("trusted migrations", () => {
  const issuer = new TestIssuer();
  let service: TestService;
  let approver: string;
  before(async () => {
    await issuer.start();
    service = await TestService.start({ oidcIssuer: issuer.url, oidcAudience: issuer.audience });
    approver = await service.tokenFor("approver");
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  async function database(name: string, policy: object): Promise<void> {
    await service.register(name);
    const { status, text } = await setPolicy(name, policy);
    assert.equal(status, 200, text);
  }
  const setPolicy = (name: string, body: object) =>
    service.ask("PATCH", `/v1/databases/${name}/policy`, { body });
  const register = (name: string, migration: object, token = service.token) =>
    service.post(`/v1/databases/${name}/migrations`, { migrations: [migration] }, { token });
  const eventsOf = async (name: string, type: string) =>
    (await service.get(`/v1/audit/events?database=${name}&type=${type}`)).body["items"];
  const run = async (name: string, path = "runs", body: object = {}) =>
    service.post(`/v1/databases/${name}/${path}`, body);
  const ended = async (id: string) => (await service.get(`/v1/runs/${id}?wait=20`)).body;

  describe("by signature", () => {
    let key: SshKeyPair;
    let other: SshKeyPair;
    before(function () {
      if (!hasSshKeygen) this.skip();
      key = new SshKeyPair(service.directory, "release");
      other = new SshKeyPair(service.directory, "other", "ecdsa");
    });
    const signer = () => ({ name: "release", key: key.publicKey });
    const signed = (migration: MigrationInput, by = key): MigrationInput => ({
      ...migration,
      signature: by.sign(statementOf(migration), MIGRATION_NAMESPACE),
    });

    it("are registered with the verdict in the event, and run", async () => {
      await database("signed", { trust: { signers: [signer()] } });
      const reply = await register("signed", signed(FIRST));
      assert.equal(reply.status, 201, reply.text);
      const [item] = reply.body["items"];
      assert.equal(item.signed, true);
      assert.equal(item.trust.signer, "release");
      const [event] = await eventsOf("signed", "MigrationRegistered");
      assert.deepEqual(event.data.trust, item.trust);
      assert.match(event.data.trust.key, /^SHA256:/);
      const { body } = await run("signed");
      assert.equal((await ended(body["id"]))["status"], "succeeded");
    });

    it("are refused unsigned, signed by others, or changed behind the signature, and on record", async () => {
      await database("strict", { trust: { signers: [signer()] } });
      const good = signed(FIRST);
      const refused: readonly (readonly [object, string])[] = [
        [FIRST, "signature-missing"],
        [signed(FIRST, other), "signer-unknown"],
        [{ ...good, version: "2" }, "signature-invalid"],
        [{ ...good, name: "other" }, "signature-invalid"],
        [{ ...good, up: `${FIRST.up} STRICT` }, "signature-invalid"],
        [{ ...good, down: "DROP TABLE orders" }, "signature-invalid"],
        [{ ...good, allow: { rowLoss: ["orders"] } }, "signature-invalid"],
        [{ ...good, signature: key.sign(FIRST.up, MIGRATION_NAMESPACE) }, "signature-invalid"],
        [{ ...good, signature: key.sign(statementOf(FIRST), "file") }, "signature-invalid"],
      ];
      for (const [migration, code] of refused) {
        const { status, body } = await register("strict", migration);
        assert.equal(status, 403);
        assert.equal(body["code"], code);
      }
      const { body: list } = await service.get("/v1/databases/strict/migrations");
      assert.deepEqual(list["items"], []);
      const events = await eventsOf("strict", "MigrationRefused");
      // One for each reason: whoever tries on and on does not fill the ledger.
      assert.deepEqual(
        events.map(({ data }: { data: { code: string } }) => data.code),
        ["signature-missing", "signer-unknown", "signature-invalid"],
      );
      assert.equal(events[0].actor.name, "admin");
    });

    it("are registered all or none", async () => {
      await database("whole", { trust: { signers: [signer()] } });
      const second = { version: "2", name: "second", up: "CREATE TABLE b (id INTEGER)" };
      const migrations = [signed(FIRST), second];
      const { status } = await service.post("/v1/databases/whole/migrations", { migrations });
      assert.equal(status, 403);
      const { body } = await service.get("/v1/databases/whole/migrations");
      assert.equal(body["items"].length, 0);
    });

    it("do not run when they were registered before the policy asked, signed ones do", async () => {
      await database("before", {});
      await register("before", FIRST);
      await setPolicy("before", { trust: { signers: [signer()] } });
      const refused = await run("before");
      assert.equal(refused.status, 403);
      assert.equal(refused.body["code"], "signature-missing");
      assert.equal((await run("before", "rehearsals")).status, 403);
      await service.post("/v1/databases/before/migrations/1/withdrawals", { reason: "unsigned" });
      await register("before", signed(FIRST));
      const { body } = await run("before");
      assert.equal((await ended(body["id"]))["status"], "succeeded");
    });

    it("do not run once their signer is revoked, also when the run was waiting", async () => {
      await database("revoked", { trust: { signers: [signer()] }, approvals: 1 });
      await register("revoked", signed(FIRST));
      const waiting = (await run("revoked")).body;
      const revoked = { ...signer(), revokedAt: new Date().toISOString() };
      await setPolicy("revoked", { trust: { signers: [revoked] } });
      assert.equal((await run("revoked")).body["code"], "signer-revoked");
      assert.equal((await register("revoked", signed({ ...FIRST, version: "2" }))).status, 403);
      const { planDigest } = waiting;
      const decision = { decision: "approve", planDigest };
      const path = `/v1/runs/${waiting["id"]}/approvals`;
      const approved = await service.post(path, decision, { token: approver });
      assert.equal(approved.status, 200, approved.text);
      const done = await ended(waiting["id"]);
      assert.equal(done["status"], "failed");
      assert.equal(done["outcome"], "untouched");
      assert.equal(done["error"].code, "signer-revoked");
    });

    it("are judged by the time at which the text in force was taken, and say both times", async () => {
      await database("taken", {});
      await register("taken", FIRST);
      await ended((await run("taken")).body["id"]);
      const { registeredAt, textTakenAt } = (await service.get("/v1/databases/taken/migrations"))
        .body["items"][0];
      assert.equal(textTakenAt, registeredAt);
      const from = new Date().toISOString();
      await setPolicy("taken", { trust: { signers: [{ ...signer(), from }] } });
      const edited = signed({ ...FIRST, down: "DROP TABLE orders" });
      const accepted = await service.post("/v1/databases/taken/migrations/1/acceptances", {
        deviation: "edited",
        reason: "A way back",
        migration: edited,
      });
      assert.equal(accepted.status, 200, accepted.text);
      assert.equal(accepted.body["registeredAt"], registeredAt);
      assert.ok(accepted.body["textTakenAt"] >= from, accepted.text);
      assert.equal(accepted.body["textTakenBy"].name, "admin");
      // Registered before the signer counted, its text was taken after.
      const back = { to: "0", strategy: "down", reason: "Called off" };
      const { body } = await run("taken", "rollbacks", back);
      assert.equal((await ended(body["id"]))["status"], "succeeded");
    });

    it("whose signer is revoked are undone by restoring, not by their scripts", async () => {
      await database("undo", { trust: { signers: [signer()] } });
      await register("undo", signed({ ...FIRST, down: "DROP TABLE orders" }));
      await ended((await run("undo")).body["id"]);
      const revoked = { ...signer(), revokedAt: new Date().toISOString() };
      await setPolicy("undo", { trust: { signers: [revoked] } });
      const request = { to: "0", reason: "the key was stolen" };
      const refused = await run("undo", "rollbacks", request);
      assert.equal(refused.body["code"], "signer-revoked", refused.text);
      const { body } = await run("undo", "rollbacks", { ...request, strategy: "restore" });
      assert.equal((await ended(body["id"]))["status"], "succeeded");
    });
  });

  it("come from a pipeline that the policy names, by its token's claims", async () => {
    const identity = {
      name: "main branch",
      issuer: issuer.url,
      claims: { repository: "shop/app", ref: "refs/heads/main" },
      record: ["sha"],
    };
    await database("pipeline", { trust: { identities: [identity] } });
    const token = (ref: string) =>
      issuer.token({
        sub: "build",
        roles: ["operator"],
        repository: "shop/app",
        ref,
        sha: "0a1b2c",
        secret: "not to be recorded",
      });
    assert.equal((await register("pipeline", FIRST)).body["code"], "signature-missing");
    const branch = await register("pipeline", FIRST, await token("refs/heads/try"));
    assert.equal(branch.body["code"], "signature-missing");
    const reply = await register("pipeline", FIRST, await token("refs/heads/main"));
    assert.equal(reply.status, 201, reply.text);
    const [event] = await eventsOf("pipeline", "MigrationRegistered");
    assert.deepEqual(event.data.trust, {
      by: "identity",
      identity: "main branch",
      issuer: issuer.url,
      claims: { sha: "0a1b2c", repository: "shop/app", ref: "refs/heads/main" },
    });
    const { body } = await run("pipeline");
    assert.equal((await ended(body["id"]))["status"], "succeeded");
  });

  it("can be limited in size, number and kind of statements", async () => {
    const sqlLimits = { bytes: 200, statements: 2, classes: ["create-table", "insert"] };
    await database("limits", { sqlLimits });
    const up = (sql: string) => register("limits", { version: "1", name: "x", up: sql });
    const cases: readonly (readonly [string, RegExp])[] = [
      [`CREATE TABLE a (b); -- ${"x".repeat(200)}`, /bytes/],
      ["CREATE TABLE a (b); CREATE TABLE c (d); CREATE TABLE e (f)", /3 statements/],
      ["CREATE TABLE a (b); DROP TABLE a", /statement 2 .*drop-table/],
      ["INSERT OR REPLACE INTO a VALUES (1)", /replace/],
    ];
    for (const [sql, why] of cases) {
      const { status, body } = await up(sql);
      assert.equal(status, 403, sql);
      assert.equal(body["code"], "migration-over-limits");
      assert.match(body["detail"], why);
    }
    const down = { version: "1", name: "x", up: FIRST.up, down: "DROP TABLE orders" };
    assert.match((await register("limits", down)).body["detail"], /down script/);
    const verify = { version: "1", name: "x", up: FIRST.up, verify: "SELECT 1" };
    assert.equal((await register("limits", verify)).status, 201);
  });

  it("are held against limits that became narrower, when a run is asked for and when it begins", async () => {
    await database("narrower", { approvals: 1 });
    const two = "CREATE TABLE a (b); CREATE TABLE c (d)";
    await register("narrower", { version: "1", name: "x", up: two, verify: "SELECT 1 WHERE 0" });
    const waiting = (await run("narrower")).body;
    await setPolicy("narrower", { sqlLimits: { statements: 1 } });
    const asked = await run("narrower");
    assert.deepEqual([asked.status, asked.body["code"]], [403, "migration-over-limits"]);
    assert.match(asked.body["detail"], /Version 1 .*2 statements/);
    assert.equal((await run("narrower", "rehearsals")).body["code"], "migration-over-limits");
    const decision = { decision: "approve", planDigest: waiting["planDigest"] };
    await service.post(`/v1/runs/${waiting["id"]}/approvals`, decision, { token: approver });
    const done = await ended(waiting["id"]);
    assert.deepEqual(
      [done["status"], done["outcome"], done["error"].code],
      ["failed", "untouched", "migration-over-limits"],
    );
    // Wider ones demand less: others would have to agree.
    const alone = { emergency: true, reason: "alone" };
    const wider = { statements: 2, classes: ["create-table"] };
    await setPolicy("narrower", { sqlLimits: wider, ...alone });
    // What verifies is a query: classes say nothing of it, sizes do.
    assert.equal((await run("narrower")).status, 202);
    await setPolicy("narrower", { sqlLimits: { bytes: two.length }, ...alone });
    assert.match((await run("narrower")).body["detail"], /bytes/);
  });

  it("are asked for by policies that can be meant only", async () => {
    await database("senseless", {});
    const before = await service.size();
    const key = "ssh-ed25519 AAAA";
    for (const body of [
      { trust: {} },
      { trust: { signers: [{ name: "x", key }] } },
      { trust: { signers: [[{ name: "x", key }]] } },
      { trust: { identities: [{ name: "x", issuer: issuer.url, claims: {} }] } },
      { trust: { identities: [{ name: "x", issuer: issuer.url, claims: { a: 1 } }] } },
      { trust: { identities: [{ name: "x", issuer: issuer.url, claims: ["a"] }] } },
      { sqlLimits: { classes: ["everything"] } },
      { sqlLimits: { bytes: 0 } },
    ]) {
      const { status, text } = await setPolicy("senseless", body);
      assert.equal(status, 400, `${JSON.stringify(body)} ${text}`);
    }
    assert.equal(await service.size(), before);
  });
});
