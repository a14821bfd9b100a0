import assert from "node:assert/strict";
import { TestService, type Reply } from "../support/service.ts";

describe("changes of policies", () => {
  let service: TestService;
  let ann: string;
  let bob: string;

  before(async () => {
    service = await TestService.start();
    ann = await issue("ann");
    bob = await issue("bob");
  });
  after(async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
    await service.stop();
  });

  const issue = async (name: string, roles = ["approver"]): Promise<string> =>
    (await service.post("/v1/keys", { name, roles })).body["token"];
  const set = (name: string, body: object, token = service.token): Promise<Reply> =>
    service.ask("PATCH", `/v1/databases/${name}/policy`, { body, token });
  const policyOf = async (name: string) =>
    (await service.get(`/v1/databases/${name}`)).body["policy"];
  const show = async (id: string) => (await service.get(`/v1/policy-changes/${id}`)).body;
  const decide = (
    change: { id: string; planDigest: string },
    token: string,
    decision = "approve",
  ): Promise<Reply> =>
    service.post(
      `/v1/policy-changes/${change.id}/approvals`,
      { decision, planDigest: change.planDigest },
      { token },
    );
  const typesOf = async (name: string): Promise<string[]> =>
    (await service.get(`/v1/audit/events?database=${name}`)).body["items"].map(
      ({ type }: { type: string }) => type,
    );

  async function database(name: string, policy: object): Promise<void> {
    await service.register(name);
    assert.equal((await set(name, policy)).status, 200);
  }

  it("that demand more, or of policies that ask nobody, are made at once", async () => {
    await database("free", { freezes: [] });
    assert.equal((await set("free", { rehearse: false })).status, 200);
    assert.equal((await set("free", { approvals: 2, reason: "Two eyes more" })).status, 200);
    const { body } = await service.get("/v1/audit/events?database=free&type=PolicyChanged");
    assert.equal(body["items"].at(-1).data.reason, "Two eyes more");
    assert.equal((await set("free", { approvals: 3, rehearse: true })).status, 200);
    assert.ok(!(await typesOf("free")).includes("PolicyChangeRequested"));
  });

  it("that demand less wait for as many as a destructive plan needs, of others, and come with the last", async () => {
    await database("two", { approvals: 1, approvalsIfDestructive: 2 });
    const reply = await set("two", { approvals: 0, approvalsIfDestructive: null, reason: "Alone" });
    assert.equal(reply.status, 202, reply.text);
    const change = reply.body;
    assert.equal(reply.headers.get("location"), `/v1/policy-changes/${change["id"]}`);
    assert.deepEqual(
      [change["status"], change["approvalsNeeded"], change["weakens"], change["reason"]],
      ["awaiting-approval", 2, ["approvals", "approvalsIfDestructive"], "Alone"],
    );
    assert.equal((await policyOf("two")).approvals, 1);
    const own = await decide(change, service.token);
    assert.deepEqual([own.status, own.body["code"]], [403, "self-approval"]);
    assert.equal((await decide(change, ann)).body["status"], "awaiting-approval");
    assert.equal((await decide(change, ann)).body["code"], "approval-given");
    const made = await decide(change, bob);
    assert.equal(made.body["status"], "succeeded", made.text);
    assert.deepEqual(await policyOf("two"), { approvals: 0, rehearse: true });
    const types = await typesOf("two");
    assert.deepEqual(types.slice(-2), ["PolicyChangeApproved", "PolicyChanged"]);
    assert.equal((await decide(change, bob)).body["code"], "policy-change-ended");
    const { body: list } = await service.get("/v1/databases/two/policy-changes?status=succeeded");
    assert.equal(list["items"][0].id, change["id"]);
  });

  it("are void once the policy was changed otherwise", async () => {
    await database("race", { approvals: 1 });
    const { body: change } = await set("race", { approvals: 0 });
    const { body: other } = await set("race", { rehearse: false });
    // One that changes nothing leaves those that wait as they are.
    assert.equal((await set("race", { approvals: 1 })).status, 200);
    assert.equal((await show(change["id"]))["status"], "awaiting-approval");
    assert.equal((await set("race", { approvals: 2 })).status, 200);
    for (const one of [change, other]) {
      assert.equal((await show(one["id"]))["status"], "outdated");
      assert.equal((await decide(one, ann)).body["code"], "policy-change-ended");
    }
    assert.equal((await policyOf("race")).approvals, 2);
    const { body: third } = await set("race", { approvals: 1 });
    const wrong = { ...third, planDigest: change["planDigest"] };
    assert.equal((await decide(wrong, ann)).body["code"], "plan-changed");
    assert.equal((await decide(third, ann, "reject")).body["status"], "rejected");
    assert.equal((await policyOf("race")).approvals, 2);
  });

  it("do not count approvals that were taken back, or given with a key revoked since", async () => {
    await database("keys", { approvals: 2 });
    const { body: key } = await service.post("/v1/keys", { name: "lost", roles: ["approver"] });
    const { body: change } = await set("keys", { approvals: 0 });
    assert.equal((await decide(change, key["token"])).status, 200);
    await service.ask("DELETE", `/v1/keys/${key["id"]}`);
    const one = await decide(change, ann);
    assert.equal(one.body["status"], "awaiting-approval", one.text);
    assert.equal((await decide(change, ann, "withdraw")).status, 200);
    assert.equal((await decide(change, bob)).body["status"], "awaiting-approval");
    assert.equal((await decide(change, ann)).body["status"], "succeeded");
    const lapsed = (await show(change["id"]))["approvals"][0];
    assert.equal(lapsed.ended.how, "key-revoked");
  });

  it("hold at once in an emergency, with a reason, and are reviewed by others", async () => {
    await database("urgent", { approvals: 1 });
    const silent = await set("urgent", { approvals: 0, emergency: true });
    assert.deepEqual([silent.status, silent.body["code"]], [400, "reason-missing"]);
    const made = await set("urgent", { approvals: 0, emergency: true, reason: "Nobody is there" });
    assert.equal(made.status, 200, made.text);
    assert.equal(made.body["policy"].approvals, 0);
    const { body: list } = await service.get("/v1/databases/urgent/policy-changes");
    const [change] = list["items"];
    assert.deepEqual([change.emergency, change.status, change.review], [true, "succeeded", null]);
    const url = `/v1/policy-changes/${change.id}/reviews`;
    const verdict = { verdict: "objected", comment: "Bob was there" };
    assert.equal((await service.post(url, verdict)).body["code"], "self-approval");
    const reviewed = await service.post(url, verdict, { token: ann });
    assert.equal(reviewed.body["review"].verdict, "objected");
  });

  it("can be given up, survive a restart, and are refused where they cannot be meant", async () => {
    await database("later", { approvals: 1 });
    const { body: change } = await set("later", { approvals: 0 });
    await service.restart();
    assert.equal((await show(change["id"]))["status"], "awaiting-approval");
    const cancel = `/v1/policy-changes/${change["id"]}/cancel`;
    const gone = await service.post(cancel, { reason: "No need" });
    assert.deepEqual([gone.body["status"], gone.body["error"].message], ["cancelled", "No need"]);
    assert.equal((await service.post(cancel, { reason: "again" })).status, 409);
    assert.equal((await decide(change, ann)).body["code"], "policy-change-ended");
    const before = await service.size();
    assert.equal((await set("later", { approvals: -1 })).status, 400);
    assert.equal((await set("later", { approvals: 0, exception: true })).status, 400);
    assert.equal((await service.get("/v1/policy-changes/none")).status, 404);
    assert.equal(await service.size(), before);
  });

  it("cannot lift a freeze or let more run by halves", async () => {
    const to = new Date(Date.now() + 3_600_000).toISOString();
    const freeze = { from: "2026-01-01T00:00:00.000Z", to, reason: "audit" };
    await database("frozen", { approvals: 1, freezes: [freeze], sqlLimits: { statements: 3 } });
    for (const body of [
      { freezes: null },
      { freezes: [] },
      { freezes: [{ ...freeze, to: new Date(Date.now() - 1000).toISOString() }] },
      { sqlLimits: null },
      { approvalHours: 5, rehearse: false },
    ]) {
      const reply = await set("frozen", body);
      assert.equal(reply.status, 202, `${JSON.stringify(body)} ${reply.text}`);
    }
    assert.deepEqual((await policyOf("frozen")).freezes, [freeze]);
  });
});
