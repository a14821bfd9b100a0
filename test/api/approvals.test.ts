import assert from "node:assert/strict";
import { APPROVAL_NAMESPACE, approvalStatement } from "../../src/domain/trust/statements.ts";
import { TestService, type Reply } from "../support/service.ts";
import { hasSshKeygen, SshKeyPair } from "../support/ssh-keygen.ts";

const CREATE = { version: "1", name: "orders", up: "CREATE TABLE orders (id INTEGER PRIMARY KEY)" };
const DROP = { version: "2", name: "drop", up: "DROP TABLE orders" };

describe("approvals", () => {
  let service: TestService;
  let ann: string;
  let bob: string;
  let operator: string;

  before(async () => {
    service = await TestService.start();
    operator = await service.tokenFor("operator");
    ann = await issue("ann");
    bob = await issue("bob");
  });
  after(() => service.stop());

  const issue = async (name: string, roles = ["approver"]): Promise<string> =>
    (await service.post("/v1/keys", { name, roles })).body["token"];

  /** A database with a policy and pending migrations. */
  async function database(name: string, policy: object, ...migrations: object[]): Promise<void> {
    await service.register(name);
    const changed = await service.ask("PATCH", `/v1/databases/${name}/policy`, { body: policy });
    assert.equal(changed.status, 200, changed.text);
    const made = await service.post(`/v1/databases/${name}/migrations`, {
      migrations: migrations.length === 0 ? [CREATE] : migrations,
    });
    assert.equal(made.status, 201, made.text);
  }

  const policy = (name: string, body: object) =>
    service.ask("PATCH", `/v1/databases/${name}/policy`, { body });

  const request = async (name: string, body: object = {}, token = operator) =>
    (await service.post(`/v1/databases/${name}/runs`, body, { token })).body;

  const decide = (
    run: { id: string; planDigest: string },
    token: string,
    decision = "approve",
    more: object = {},
  ): Promise<Reply> =>
    service.post(
      `/v1/runs/${run.id}/approvals`,
      { decision, planDigest: run.planDigest, ...more },
      { token },
    );

  const ended = async (id: string) => (await service.get(`/v1/runs/${id}?wait=20`)).body;

  const typesOf = async (id: string): Promise<string[]> =>
    (await service.get(`/v1/runs/${id}/events`)).body["items"].map(
      ({ type }: { type: string }) => type,
    );

  it("keeps a run waiting until others than its requester have approved its plan", async () => {
    await database("two", { approvals: 2 });
    const run = await request("two");
    assert.equal(run["status"], "awaiting-approval");
    assert.equal(run["approvalsNeeded"], 2);
    const first = await decide(run, ann, "approve", { comment: "Looks right" });
    assert.equal(first.status, 200, first.text);
    assert.equal(first.body["status"], "awaiting-approval");
    assert.equal((await decide(run, ann)).body["code"], "approval-given");
    await decide(run, bob);
    const done = await ended(run["id"]);
    assert.equal(done["status"], "succeeded");
    assert.deepEqual(
      done["approvals"].map((one: { approvedBy: { name: string }; comment: string | null }) => [
        one.approvedBy.name,
        one.comment,
      ]),
      [
        ["ann", "Looks right"],
        ["bob", null],
      ],
    );
    const { body: told } = await service.get(`/v1/runs/${run["id"]}/events`);
    const began = told["items"].find(({ type }: { type: string }) => type === "RunStarted");
    assert.equal(began.actor.name, "the operator", "a run is the doing of its requester");
    const types = await typesOf(run["id"]);
    assert.ok(types.indexOf("RunApproved") < types.indexOf("RunStarted"));
    assert.equal(types.filter((type) => type === "RunApproved").length, 2);
  });

  it("refuses whoever brought the text that an acceptance put in the place of the first", async () => {
    await database("edited", {}, { ...CREATE, down: "DROP TABLE orders" });
    await ended((await request("edited"))["id"]);
    await policy("edited", { approvals: 1 });
    const editor = await issue("editor", ["operator", "approver"]);
    const accepted = await service.post(
      "/v1/databases/edited/migrations/1/acceptances",
      {
        deviation: "edited",
        reason: "Another way back",
        migration: { ...CREATE, down: "DROP TABLE IF EXISTS orders" },
      },
      { token: editor },
    );
    assert.equal(accepted.status, 200, accepted.text);
    const asked = await service.post(
      "/v1/databases/edited/rollbacks",
      { to: "0", strategy: "down", reason: "Called off" },
      { token: operator },
    );
    const run = asked.body as { id: string; planDigest: string };
    assert.equal((await decide(run, editor)).body["code"], "author-approval");
    assert.equal((await decide(run, ann)).status, 200);
    assert.equal((await ended(run.id))["status"], "succeeded");
  });

  it("refuses the requester, the author and operators, and records who tried", async () => {
    await database("own", { approvals: 1 });
    const run = await request("own", {}, service.token);
    const own = await decide(run, service.token);
    assert.equal(own.status, 403);
    assert.equal(own.body["code"], "self-approval");
    const other = await request("own");
    const author = await decide(other, service.token);
    assert.equal(author.body["code"], "author-approval");
    assert.equal((await decide(run, operator)).body["code"], "forbidden");
    const { body } = await service.get("/v1/audit/events?database=own&type=ApprovalRefused");
    assert.deepEqual(
      body["items"].map((one: { data: { code: string } }) => one.data.code),
      ["self-approval", "author-approval"],
    );
    for (const id of [run["id"], other["id"]])
      await service.post(`/v1/runs/${id}/cancel`, { reason: "done" });
    assert.equal((await ended(run["id"]))["status"], "cancelled");
  });

  it("records each kind of decision that was refused, however soon after another", async () => {
    await database("kinds", { approvals: 1 });
    const run = (await request("kinds")) as { id: string; planDigest: string };
    const wrong = { planDigest: `sha256:${"0".repeat(64)}` };
    for (const decision of ["approve", "reject", "approve", "withdraw"])
      assert.equal((await decide(run, ann, decision, wrong)).status, 409);
    const { body } = await service.get("/v1/audit/events?database=kinds&type=ApprovalRefused");
    assert.deepEqual(
      body["items"].map(({ data }: { data: { decision: string } }) => data.decision),
      ["approve", "reject", "withdraw"],
    );
    await service.post(`/v1/runs/${run.id}/cancel`, { reason: "done" });
  });

  it("counts two keys of one owner as one person", async () => {
    await database("owner", { approvals: 2 });
    const key = async (name: string, roles: string[], owner: string): Promise<string> =>
      (await service.post("/v1/keys", { name, roles, owner })).body["token"];
    const one = await key("carol 1", ["approver"], "Carol \u00c5berg");
    // Decomposed, in other capitals, with more space and a character that nobody sees.
    const two = await key("carol 2", ["approver", "operator"], " carol  A\u030aBE\u00adRG");
    const run = await request("owner");
    assert.equal((await decide(run, one)).status, 200);
    assert.equal((await decide(run, two)).body["code"], "approval-given");
    const own = await request("owner", {}, two);
    assert.equal((await decide(own, one)).body["code"], "self-approval");
    for (const { id } of [run, own])
      await service.post(`/v1/runs/${id}/cancel`, { reason: "done" });
  });

  it("counts no keys without an owner where the policy asks for people", async () => {
    await database("people", { approvals: 1, approvers: "people" });
    const run = await request("people");
    const refused = await decide(run, ann);
    assert.equal(refused.status, 403);
    assert.equal(refused.body["code"], "approver-not-known");
    const provider = await policy("people", { approvers: "provider" });
    assert.equal(provider.status, 200, "who demands more asks nobody");
    const key = { name: "dora", roles: ["approver"], owner: "Dora" };
    const dora = (await service.post("/v1/keys", key)).body["token"];
    assert.equal((await decide(run, dora)).body["code"], "approver-not-known");
    const urgent = { emergency: true, reason: "The provider is down" };
    assert.equal((await policy("people", { approvers: "people", ...urgent })).status, 200);
    assert.equal((await decide(run, dora)).status, 200);
    assert.equal((await ended(run["id"]))["status"], "succeeded");
  });

  it("does not count approvals by a key that is revoked before the run begins", async () => {
    await database("stolen", { approvals: 2 });
    const key = await service.post("/v1/keys", { name: "stolen", roles: ["approver"] });
    const run = await request("stolen");
    assert.equal((await decide(run, key.body["token"])).status, 200);
    await service.ask("DELETE", `/v1/keys/${key.body["id"]}`);
    // The gate hears of the revocation by itself.
    let approvals = [];
    while (approvals[0]?.ended == null) {
      approvals = (await service.get(`/v1/runs/${run["id"]}`)).body["approvals"];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(approvals[0].ended.how, "key-revoked");
    assert.equal((await decide(run, ann)).body["status"], "awaiting-approval");
    await decide(run, bob);
    assert.equal((await ended(run["id"]))["status"], "succeeded");
    const expired = (await typesOf(run["id"])).filter((type) => type === "ApprovalExpired");
    assert.equal(expired.length, 1);
  });

  it("records an approver's own signature over run and plan, and refuses every other", async function () {
    if (!hasSshKeygen) this.skip();
    const pair = new SshKeyPair(service.directory, "approver");
    const other = new SshKeyPair(service.directory, "stranger");
    const signer = { name: "ann", key: pair.publicKey };
    await database("signed", {
      approvals: 1,
      approvalSignatures: { signers: [signer], required: true },
    });
    const run = await request("signed");
    const sign = (
      plan = run["planDigest"],
      by = pair,
      id = run["id"],
      namespace = APPROVAL_NAMESPACE,
    ) => by.sign(approvalStatement({ what: "run", id, planDigest: plan }), namespace);
    for (const [signature, code] of [
      [undefined, "signature-missing"],
      [sign(run["planDigest"], other), "signer-unknown"],
      [sign(`sha256:${"0".repeat(64)}`), "signature-invalid"],
      [sign(run["planDigest"], pair, "another run"), "signature-invalid"],
      [sign(run["planDigest"], pair, run["id"], "file"), "signature-invalid"],
      ["nonsense", "signature-invalid"],
    ] as const) {
      const reply = await decide(run, ann, "approve", signature === undefined ? {} : { signature });
      assert.equal(reply.status, 403, reply.text);
      assert.equal(reply.body["code"], code);
    }
    // A signature of somebody's key under somebody else's name.
    const bound = { ...signer, actor: `act_${"0".repeat(32)}` };
    await policy("signed", { approvalSignatures: { signers: [bound], required: true } });
    const signature = sign();
    assert.equal((await decide(run, ann, "approve", { signature })).body["code"], "signer-unknown");
    const urgent = { emergency: true, reason: "The key was bound to the wrong actor" };
    await policy("signed", { approvalSignatures: { signers: [signer] }, ...urgent });
    const approved = await decide(run, ann, "approve", { signature });
    assert.equal(approved.status, 200, approved.text);
    const { body } = await service.get("/v1/audit/events?database=signed&type=RunApproved");
    const { file, ...verdict } = body["items"][0].data.signature;
    assert.equal(file, signature);
    assert.equal(verdict.signer, "ann");
    assert.equal((await ended(run["id"]))["status"], "succeeded");
  });

  it("records refused decisions of one actor once in a while, and counts the rest", async () => {
    await database("again", { approvals: 1 });
    const run = await request("again", {}, service.token);
    await Promise.all(Array.from({ length: 20 }, () => decide(run, service.token)));
    const { body } = await service.get("/v1/audit/events?database=again&type=ApprovalRefused");
    assert.equal(body["items"].length, 1);
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
  });

  it("refuses a stale digest, and a plan that changed after the request", async () => {
    await database("stale", { approvals: 1 });
    const run = await request("stale");
    const stale = await decide({ ...run, planDigest: `sha256:${"0".repeat(64)}` }, ann);
    assert.equal(stale.status, 409);
    assert.equal(stale.body["code"], "plan-changed");
    // Another run applies the version by the emergency path meanwhile: the schema is another.
    const urgent = await request("stale", { emergency: true, reason: "now" });
    assert.equal((await ended(urgent["id"]))["status"], "succeeded");
    assert.equal((await decide(run, ann)).body["code"], "plan-changed");
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
  });

  it("does not let migrations be swapped under an approved run", async () => {
    const notBefore = new Date(Date.now() + 3_600_000).toISOString();
    await database("swap", { approvals: 1 });
    const run = await request("swap", { notBefore });
    await decide(run, ann);
    const withdrawn = await service.post("/v1/databases/swap/migrations/1/withdrawals", {
      reason: "swap",
    });
    assert.equal(withdrawn.body["code"], "migration-in-use");
    const other = { ...CREATE, up: "DROP TABLE orders" };
    const changed = await service.post("/v1/databases/swap/migrations", { migrations: [other] });
    assert.equal(changed.body["code"], "migration-changed");
    const { body } = await service.get("/v1/audit/events?database=swap&type=MigrationRefused");
    assert.deepEqual(
      body["items"].map((one: { data: { code: string } }) => one.data.code),
      ["migration-in-use", "migration-changed"],
    );
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
    // Nor what undoes one: by taking another text for that of a version that is applied.
    const urgent = await request("swap", { emergency: true, reason: "now" });
    assert.equal((await ended(urgent["id"]))["status"], "succeeded");
    const asked = { to: "0", strategy: "restore", reason: "back", notBefore };
    const { body: back } = await service.post("/v1/databases/swap/rollbacks", asked);
    const accepted = await service.post("/v1/databases/swap/migrations/1/acceptances", {
      deviation: "edited",
      reason: "swap",
      migration: { ...CREATE, down: "DROP TABLE stock" },
    });
    assert.equal(accepted.body["code"], "migration-in-use", accepted.text);
    await service.post(`/v1/runs/${back["id"]}/cancel`, { reason: "done" });
  });

  it("ends a rejected run, and refuses every decision afterwards", async () => {
    await database("no", { approvals: 1 });
    const run = await request("no");
    const rejected = await decide(run, ann, "reject", { comment: "Not on a Friday" });
    assert.equal(rejected.body["status"], "rejected");
    assert.equal(rejected.body["outcome"], "untouched");
    assert.equal((await decide(run, bob)).body["code"], "run-ended");
    const { body: tried } = await service.get("/v1/audit/events?database=no&type=ApprovalRefused");
    assert.equal(tried["items"][0].data.code, "run-ended", "a replay is on record");
    assert.equal((await ended(run["id"]))["endedAt"], rejected.body["endedAt"]);
    const { body } = await service.get("/v1/databases/no");
    assert.deepEqual(body["openRuns"], []);
    assert.equal(body["version"], null);
  });

  it("lets an approval be taken back while the run waits", async () => {
    await database("back", { approvals: 2 });
    const run = await request("back");
    await decide(run, ann);
    assert.equal((await decide(run, bob, "withdraw")).body["code"], "approval-missing");
    const back = await decide(run, ann, "withdraw");
    assert.equal(back.body["status"], "awaiting-approval");
    assert.equal(back.body["approvals"][0].ended.how, "withdrawn");
    await decide(run, bob);
    assert.equal((await service.get(`/v1/runs/${run["id"]}`)).body["status"], "awaiting-approval");
    await decide(run, ann);
    assert.equal((await ended(run["id"]))["status"], "succeeded");
  });

  it("demands more of destructive plans and of exceptions", async () => {
    await database("risky", { approvals: 0, approvalsIfDestructive: 1 });
    assert.equal((await ended((await request("risky"))["id"]))["status"], "succeeded");
    await service.post("/v1/databases/risky/migrations", { migrations: [DROP] });
    const run = await request("risky");
    assert.equal(run["risk"], "destructive");
    assert.equal(run["status"], "awaiting-approval");
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
    const exception = await request("risky", { exception: true, reason: "cannot wait" });
    assert.equal(exception["approvalsNeeded"], 2);
    await service.post(`/v1/runs/${exception["id"]}/cancel`, { reason: "done" });
    const silent = await service.post("/v1/databases/risky/runs", { exception: true });
    assert.equal(silent.body["code"], "reason-missing");
  });

  it("runs an emergency at once and keeps it open for review by somebody else", async () => {
    await database("fire", { approvals: 2, reviewHours: 1 });
    assert.equal((await request("fire", { emergency: true }))["code"], "reason-missing");
    const run = await request("fire", { emergency: true, reason: "Orders are down" });
    const done = await ended(run["id"]);
    assert.equal(done["status"], "succeeded");
    assert.equal(done["review"], null);
    assert.ok(Date.parse(done["reviewBy"]) - Date.parse(done["requestedAt"]) <= 3_600_000);
    const review = (token: string) =>
      service.post(
        `/v1/runs/${run["id"]}/reviews`,
        { verdict: "accepted", comment: "It was needed" },
        { token },
      );
    assert.equal((await review(operator)).status, 403);
    assert.equal((await review(service.token)).body["code"], "author-approval");
    const tried = await service.get("/v1/audit/events?database=fire&type=ApprovalRefused");
    const { decision, code } = tried.body["items"][0].data;
    assert.deepEqual([decision, code], ["review", "author-approval"]);
    assert.equal((await review(ann)).body["review"].verdict, "accepted");
    assert.equal((await review(bob)).body["code"], "reviewed-already");
    const normal = await request("fire");
    const refused = await service.post(
      `/v1/runs/${normal["id"]}/reviews`,
      { verdict: "accepted", comment: "x" },
      { token: ann },
    );
    assert.equal(refused.body["code"], "not-an-emergency");
  });

  it("waits for its time, also over a restart, and then runs by itself", async () => {
    await database("later", {});
    const notBefore = new Date(Date.now() + 2500).toISOString();
    const run = await request("later", { notBefore });
    assert.equal(run["status"], "scheduled");
    assert.deepEqual(run["scheduledFor"], { at: notBefore, cause: "not-before" });
    await service.restart();
    assert.equal((await service.get(`/v1/runs/${run["id"]}`)).body["status"], "scheduled");
    const done = await ended(run["id"]);
    assert.equal(done["status"], "succeeded");
    assert.ok(done["startedAt"] >= notBefore);
  });

  it("waits for the window, and begins when the policy opens it", async () => {
    const hour = (new Date().getUTCHours() + 12) % 24;
    const window = { opens: `0 ${hour} * * *`, minutes: 60, timeZone: "UTC" };
    await database("window", { window });
    const run = await request("window");
    assert.equal(run["status"], "scheduled");
    assert.equal(run["scheduledFor"].cause, "window");
    await service.ask("PATCH", "/v1/databases/window/policy", { body: { window: null } });
    assert.equal((await ended(run["id"]))["status"], "succeeded");
    const { body } = await service.get("/v1/databases/window");
    assert.equal(body["policy"].window, undefined);
  });

  it("refuses windows and freezes that cannot be meant, and changes nothing", async () => {
    await database("bad", {});
    const before = await service.size();
    const window = { opens: "0 2 * * *", minutes: 60, timeZone: "UTC" };
    const time = "2026-01-01T00:00:00Z";
    for (const body of [
      { window: { ...window, opens: "whenever" } },
      { window: { ...window, timeZone: "Nowhere" } },
      { window: { ...window, minutes: 0 } },
      { window: [window] },
      { window: { ...window, extra: 1 } },
      { freezes: [{ from: time, to: time, reason: "none" }] },
      { freezes: [[{ from: time, to: time, reason: "none" }]] },
      { freezes: "always" },
      { approvals: null },
      { approvals: -1 },
      { approvals: 11 },
      { approvalHours: 0.5 },
    ]) {
      const { status, text } = await service.ask("PATCH", "/v1/databases/bad/policy", { body });
      assert.equal(status, 400, `${JSON.stringify(body)} ${text}`);
    }
    assert.equal(await service.size(), before);
  });

  it("records one beginning when many decide at once", async () => {
    await database("race", { approvals: 1 });
    const run = await request("race");
    const replies = await Promise.all([
      decide(run, ann),
      decide(run, bob),
      decide(run, ann),
      decide(run, bob, "reject"),
    ]);
    const done = await ended(run["id"]);
    assert.ok(["succeeded", "rejected"].includes(done["status"]));
    const types = await typesOf(run["id"]);
    const ends = types.filter((type) =>
      ["RunCompleted", "RunFailed", "RunCancelled", "RunRejected"].includes(type),
    );
    assert.equal(ends.length, 1);
    assert.ok(types.filter((type) => type === "RunStarted").length <= 1);
    assert.ok(replies.some(({ status }) => status === 200));
  });
});
