import assert from "node:assert/strict";
import { TestService } from "../support/service.ts";

const table = (version: string): object => ({
  version,
  name: `t${version}`,
  up: `CREATE TABLE t${version} (id INTEGER PRIMARY KEY)`,
});

/** Opens half a day from now. */
const closed = (): object => ({
  opens: `0 ${(new Date().getUTCHours() + 12) % 24} * * *`,
  minutes: 60,
  timeZone: "UTC",
});

describe("runs that several act upon at once", () => {
  let service: TestService;
  let approver: string;
  let operator: string;

  before(async () => {
    service = await TestService.start();
    operator = await service.tokenFor("operator");
    approver = await service.tokenFor("approver");
  });
  after(() => service.stop());

  async function database(name: string, policy: object, versions = ["1"]): Promise<void> {
    await service.register(name);
    await setPolicy(name, policy);
    await service.post(`/v1/databases/${name}/migrations`, { migrations: versions.map(table) });
  }

  const setPolicy = async (name: string, body: object): Promise<void> => {
    const changed = await service.ask("PATCH", `/v1/databases/${name}/policy`, { body });
    assert.equal(changed.status, 200, changed.text);
  };

  const request = (name: string, body: object = {}) =>
    service.post(`/v1/databases/${name}/runs`, body, { token: operator });

  const decide = (run: { id: string; planDigest: string }, token: string) =>
    service.post(
      `/v1/runs/${run.id}/approvals`,
      { decision: "approve", planDigest: run.planDigest },
      { token },
    );

  const ended = async (id: string) => (await service.get(`/v1/runs/${id}?wait=25`)).body;

  it("all wait for the window, though many were requested at the same time", async () => {
    await database("many", { window: closed() });
    const made = await Promise.all(Array.from({ length: 8 }, () => request("many")));
    for (const { body } of made) {
      const { body: run } = await service.get(`/v1/runs/${body["id"]}`);
      assert.equal(run["status"], "scheduled", JSON.stringify(run));
      await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
    }
  });

  it("do not begin with approvals of another plan than what is left to do", async () => {
    await database("part", { approvals: 1, window: closed() }, ["1", "2"]);
    const { body: run } = await request("part");
    assert.equal((await decide(run, approver)).body["status"], "scheduled");
    const urgent = await request("part", { to: "1", emergency: true, reason: "now" });
    assert.equal((await ended(urgent.body["id"]))["status"], "succeeded");
    await setPolicy("part", { window: null, emergency: true, reason: "the window is wrong" });
    const done = await ended(run["id"]);
    assert.equal(done["status"], "failed");
    assert.equal(done["error"].code, "plan-outdated");
    assert.equal(done["outcome"], "untouched");
    assert.equal((await service.get("/v1/databases/part")).body["version"], "1");
  });

  it("begin although refused decisions hold them when their turn comes", async () => {
    await database("held", { approvals: 1 });
    const { body: run } = await request("held", {});
    const [, ...refused] = await Promise.all([
      decide(run, approver),
      ...Array.from({ length: 20 }, () => decide(run, approver)),
    ]);
    assert.ok(refused.every(({ status }) => status === 409 || status === 200));
    assert.equal((await ended(run["id"]))["status"], "succeeded");
  });

  it("stay cancelled when somebody approves them at the same moment", async () => {
    await database("torn", { approvals: 1, window: closed() });
    for (let i = 0; i < 5; i++) {
      const { body: run } = await request("torn");
      const approving = decide(run, approver);
      const cancelled = await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "no" });
      assert.equal(cancelled.status, 202, cancelled.text);
      assert.equal(cancelled.body["status"], "cancelled");
      await approving;
    }
  });

  it("wait for a freeze without end, also where there is a window", async () => {
    const freezes = [
      { from: "2026-01-01T00:00:00Z", to: "9999-12-31T23:59:59Z", reason: "until told" },
    ];
    await database("frozen", { window: closed(), freezes });
    const { status, body: run, text } = await request("frozen");
    assert.equal(status, 202, text);
    assert.equal(run["status"], "scheduled");
    assert.deepEqual(run["scheduledFor"], { at: "9999-12-31T23:59:59.000Z", cause: "freeze" });
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "done" });
  });

  it("are shown to nobody any more whose key is revoked meanwhile", async () => {
    await database("watched", { window: closed() });
    const { body: run } = await request("watched");
    const { body: key } = await service.post("/v1/keys", { name: "watcher", roles: ["auditor"] });
    const reply = await fetch(`${service.url}/v1/runs/${run["id"]}/events`, {
      headers: { authorization: `Bearer ${key["token"]}`, accept: "text/event-stream" },
    });
    assert.equal(reply.status, 200);
    const whole = reply.text();
    const revoked = await service.ask("DELETE", `/v1/keys/${key["id"]}`);
    assert.ok(revoked.status < 300, revoked.text);
    await service.post(`/v1/runs/${run["id"]}/cancel`, { reason: "secret" });
    assert.doesNotMatch(await whole, /RunCancelled|event: end/);
  });

  it("leave one admin key when two revoke each other", async () => {
    const { body: one } = await service.post("/v1/keys", { name: "one", roles: ["admin"] });
    const { body: two } = await service.post("/v1/keys", { name: "two", roles: ["admin"] });
    const { body: list } = await service.get("/v1/keys");
    const first = list["items"].find(
      (key: { name: string; roles: string[] }) =>
        key.roles.includes("admin") && !["one", "two"].includes(key.name),
    );
    const token = one["token"];
    await service.ask("DELETE", `/v1/keys/${first.id}`, { token });
    const replies = await Promise.all([
      service.ask("DELETE", `/v1/keys/${two["id"]}`, { token }),
      service.ask("DELETE", `/v1/keys/${one["id"]}`, { token: two["token"] }),
    ]);
    assert.equal(replies.filter(({ status }) => status < 300).length, 1);
    const alive = await Promise.all(
      [one, two].map((key) => service.get("/v1/keys", { token: key["token"] })),
    );
    assert.deepEqual(new Set(alive.map(({ status }) => status)), new Set([200, 401]));
  });
});
