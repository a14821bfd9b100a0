import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Webhook } from "standardwebhooks";
import { AlertReceiver, answers, ok, type Received } from "../support/alert-receiver.ts";
import { TestService, type Reply } from "../support/service.ts";

const PACE = { firstMs: 15, growth: 1.2, mostMs: 40, giveUpMs: 60_000 };

describe("alerts", () => {
  let service: TestService;
  let receiver: AlertReceiver;
  let secret: string;

  before(async () => {
    receiver = await AlertReceiver.start();
    service = await TestService.start({}, undefined, { alertPace: PACE });
    await service.register("shop");
    await service.post("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "fails", up: "CREATE TABLE a (x); SELECT nothing" }],
    });
  });
  after(async () => {
    await service.stop();
    await receiver.down();
  });

  const add = (more: object = {}): Promise<Reply> =>
    service.post("/v1/alert-targets", {
      name: "ops",
      kind: "webhook",
      url: receiver.url,
      privateAddresses: true,
      ...more,
    });

  /** A run that fails: one alert. */
  async function fail(): Promise<string> {
    const { body } = await service.post("/v1/databases/shop/runs", { rehearse: true });
    const ended = await service.get(`/v1/runs/${body["id"]}?wait=20`);
    assert.equal(ended.body["status"], "failed", ended.text);
    return body["id"];
  }

  async function target(): Promise<Reply["body"]> {
    return (await service.get("/v1/alert-targets/ops")).body;
  }

  async function until(condition: (target: Reply["body"]) => boolean): Promise<Reply["body"]> {
    for (;;) {
      const found = await target();
      if (condition(found)) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const types = async (type: string): Promise<Reply["body"][]> =>
    (await service.get(`/v1/audit/events?type=${type}&limit=1000`)).body["items"];

  const payload = ({ headers, body }: Received): Reply["body"] =>
    new Webhook(secret).verify(body, headers as Record<string, string>);

  it("are on record also while there is nobody to tell", async () => {
    const run = await fail();
    const { items } = (await service.get("/v1/alerts")).body;
    assert.deepEqual(
      items.map(({ alertId, open, waitsFor }: Reply["body"]) => [alertId, open, waitsFor]),
      [[`run:${run}`, false, []]],
    );
  });

  it("reach a webhook, signed by the rules of Standard Webhooks", async () => {
    const added = await add();
    assert.equal(added.status, 201, added.text);
    secret = added.body["secret"];
    assert.match(secret, /^whsec_/);
    assert.equal(added.body["place"], new URL(receiver.url).origin + "/…");
    const run = await fail();
    const [one] = await receiver.until(1);
    const { type, data } = payload(one!);
    assert.equal(type, "alert.raised");
    assert.deepEqual([data.code, data.alertId], ["run-failed", `run:${run}`]);
    assert.deepEqual([data.severity, data.database], ["warning", "shop"]);
    assert.equal(data.id, one!.headers["webhook-id"]);
    const { delivered, queued } = await until((found) => found.delivered === 1);
    assert.deepEqual([delivered, queued], [1, 0]);
    const raised = (await types("AlertRaised")).at(-1)!;
    assert.equal(raised.id, data.id);
    assert.equal(raised.data.cause, "RunFailed");
    const [event] = await types("AlertDelivered");
    assert.deepEqual([event.data.alert, event.data.attempt], [raised.index, 1]);
    // In one append with what it is about: nothing can come between.
    const [failed] = await types("RunFailed").then((all) => all.slice(-1));
    assert.equal(raised.index, failed.index + 1);
  });

  it("arrive in order and none is left out while the receiver fails in every way", async () => {
    const from = receiver.received.length;
    const inside = await AlertReceiver.start();
    receiver.behaviour = (response, nth) => {
      const way = (nth - from) % 5;
      if (way === 0) answers(500)(response, nth);
      else if (way === 1) answers(307, { Location: inside.url })(response, nth);
      else if (way === 2) answers(429, { "Retry-After": "0" })(response, nth);
      else if (way === 3) response.destroy();
      else ok(response, nth);
    };
    const runs = [await fail(), await fail(), await fail()];
    const found = await until(({ delivered }) => delivered === 4);
    assert.equal(found.deadLetters, 0);
    const taken = receiver.received.slice(from).filter((one) => one.taken);
    assert.deepEqual(
      taken.map((one) => payload(one).data.alertId),
      runs.map((run) => `run:${run}`),
    );
    const attempts = receiver.received.slice(from);
    // Five attempts each, under the one id.
    const ids = attempts.map(({ headers }) => headers["webhook-id"]);
    assert.deepEqual(
      [attempts.length, new Set(ids).size, new Set(ids.slice(0, 5)).size],
      [15, 3, 1],
    );
    const codes = (await types("AlertDeliveryFailed")).map(({ data }) => data.error.code);
    assert.deepEqual(codes.slice(0, 4), [
      "alert-target-failed",
      "alert-target-redirects",
      "alert-target-failed",
      "alert-target-unreachable",
    ]);
    // Redirects lead nowhere: whatever is on the private network was not asked.
    assert.deepEqual(inside.received, []);
    await inside.down();
    receiver.behaviour = ok;
  });

  it("wait while the receiver is down and the service is started again", async () => {
    const from = receiver.received.length;
    await receiver.down();
    const run = await fail();
    await until(({ lastFailure }) => lastFailure?.error.code === "alert-target-unreachable");
    await service.halt();
    await receiver.up();
    await service.restart();
    await until(({ queued }) => queued === 0);
    const arrived = receiver.received.slice(from).map((one) => payload(one).data.alertId);
    assert.deepEqual(arrived, [`run:${run}`]);
  });

  it("become dead letters when the message itself is refused, and can be replayed", async () => {
    receiver.behaviour = answers(400);
    const run = await fail();
    await until(({ deadLetters }) => deadLetters === 1);
    const dead = (await service.get("/v1/alert-targets/ops/dead-letters")).body["items"];
    assert.equal(dead.length, 1);
    assert.deepEqual([dead[0].alertId, dead[0].error.code], [`run:${run}`, "alert-target-refuses"]);
    const listed = (await service.get("/v1/alerts?limit=2")).body["items"];
    assert.deepEqual(
      listed.map((one: { code: string; deadFor: string[] }) => [one.code, one.deadFor]),
      [
        ["alert-not-delivered", []],
        ["run-failed", ["ops"]],
      ],
    );
    const replay = (body: object): Promise<Reply> =>
      service.post("/v1/alert-targets/ops/replays", body);
    const unknown = await replay({ alerts: [0] });
    assert.deepEqual([unknown.status, unknown.body["code"]], [404, "alert-not-dead"]);
    receiver.behaviour = ok;
    const from = receiver.received.length;
    assert.equal((await replay({ reason: "It is mended" })).status, 200);
    await until(({ queued, deadLetters }) => queued + deadLetters === 0);
    assert.deepEqual(payload(receiver.received[from]!).data.alertId, `run:${run}`);
  });

  it("are tested on request, and a test waits for nothing", async () => {
    const from = receiver.received.length;
    const good = (await service.post("/v1/alert-targets/ops/tests")).body;
    assert.deepEqual([good["delivered"], good["error"]], [true, null]);
    assert.equal(payload(receiver.received[from]!).type, "alert.test");
    receiver.behaviour = answers(503);
    const bad = (await service.post("/v1/alert-targets/ops/tests")).body;
    assert.deepEqual([bad["delivered"], bad["error"].code], [false, "alert-target-failed"]);
    receiver.behaviour = ok;
  });

  it("are signed with the old secret and the new one after a renewal", async () => {
    const old = secret;
    const renewed = await service.post("/v1/alert-targets/ops/secrets");
    assert.equal(renewed.status, 201, renewed.text);
    secret = renewed.body["secret"];
    assert.notEqual(secret, old);
    const from = receiver.received.length;
    await service.post("/v1/alert-targets/ops/tests");
    payload(receiver.received[from]!);
    secret = old;
    payload(receiver.received[from]!);
    secret = renewed.body["secret"];
  });

  it("keep addresses and secrets out of ledger, log and answers", async () => {
    const file = join(service.data, "keys", "alert-targets.json");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /of-the-url/);
    const shown = [
      (await service.get("/v1/alert-targets")).text,
      (await service.get("/v1/audit/events?limit=1000")).text,
      JSON.stringify(service.diary),
      readFileSync(join(service.data, "ledger.db"), "latin1"),
    ].join("\n");
    assert.doesNotMatch(shown, /of-the-url/);
    assert.ok(!shown.includes(secret.slice("whsec_".length)));
  });

  it("wait when their addresses are lost, until these are given again", async () => {
    const file = join(service.data, "keys", "alert-targets.json");
    await service.halt();
    writeFileSync(file, "not JSON");
    await service.restart();
    const tested = async (): Promise<string> =>
      (await service.post("/v1/alert-targets/ops/tests")).body["error"]?.code;
    assert.equal(await tested(), "alert-targets-damaged");
    rmSync(file);
    assert.equal(await tested(), "alert-secret-missing");
    const path = "/v1/alert-targets/ops";
    const nothing = await service.ask("PATCH", path, { body: { severity: "warning" } });
    assert.equal(nothing.body["code"], "alert-target-invalid");
    const given = await service.ask("PATCH", path, { body: { url: receiver.url } });
    assert.equal(given.status, 200, given.text);
    assert.equal(await tested(), undefined);
    // The secret was lost with the address.
    secret = (await service.post(`${path}/secrets`, { keepPrevious: false })).body["secret"];
    const from = receiver.received.length;
    assert.equal(await tested(), undefined);
    payload(receiver.received[from]!);
  });

  it("are signed by two secrets while one is renewed, and by the newest alone after that", async () => {
    const path = "/v1/alert-targets/ops";
    const before = secret;
    secret = (await service.post(`${path}/secrets`, {})).body["secret"];
    const signatures = async (): Promise<Received> => {
      const from = receiver.received.length;
      assert.equal((await service.post(`${path}/tests`, {})).body["delivered"], true);
      return receiver.received[from]!;
    };
    const both = await signatures();
    for (const one of [before, secret])
      new Webhook(one).verify(both.body, both.headers as Record<string, string>);
    const end = `${path}/secrets/previous`;
    assert.equal((await service.ask("DELETE", end)).status, 204);
    const { body, headers } = await signatures();
    new Webhook(secret).verify(body, headers as Record<string, string>);
    assert.throws(() => new Webhook(before).verify(body, headers as Record<string, string>));
  });

  it("refuse private addresses, plain HTTP and what cannot be meant", async () => {
    const size = await service.facts();
    const refused = async (more: object): Promise<string> => {
      const { status, body } = await add({ name: "other", privateAddresses: false, ...more });
      assert.equal(status, 400, JSON.stringify(body));
      return body["code"];
    };
    for (const url of [
      receiver.url,
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://[::ffff:10.0.0.1]/",
      "https://0x7f.1/",
      "https://169.254.169.254/latest",
      "https://user:password@hooks.example.org/",
      "ftp://hooks.example.org/",
      "file:///etc/passwd",
      "nothing",
    ])
      assert.equal(await refused({ url }), "alert-target-invalid", url);
    const url = "https://hooks.example.org/";
    assert.equal(await refused({ url, to: ["a@example.org"] }), "alert-target-invalid");
    assert.equal(await refused({ url, secret: "whsec_short" }), "alert-target-invalid");
    assert.equal(await refused({ url, databases: ["nobody"] }), "alert-database-unknown");
    assert.equal(await refused({ url, name: "a/b" }), "invalid-request");
    assert.equal(await refused({ url, unknown: 1 }), "invalid-request");
    const taken = await add();
    assert.deepEqual([taken.status, taken.body["code"]], [409, "alert-target-name-taken"]);
    assert.equal(await service.facts(), size);
  });

  it("do not go to a name that stands for a private address, nor where a redirect leads", async () => {
    const { body } = await add({
      name: "rebound",
      url: "https://localhost/",
      privateAddresses: false,
    });
    const tested = (await service.post(`/v1/alert-targets/${body["id"]}/tests`)).body;
    assert.equal(tested["error"].code, "alert-address-refused");
    const path = `/v1/alert-targets/${body["id"]}?reason=test`;
    assert.equal((await service.ask("DELETE", path)).status, 204);
    assert.equal((await service.get(`/v1/alert-targets/rebound`)).status, 404);
  });

  it("do not bring what opens one host to another", async () => {
    const before = receiver.received.length;
    for (const [body, kept] of [
      [{ kind: "alertmanager", authorization: "Bearer of-one-host" }, "authorization"],
      [
        {
          kind: "mail",
          from: "a@a.test",
          to: ["b@a.test"],
          username: "u",
          password: "of-one-host",
        },
        "password",
      ],
    ] as const) {
      const scheme = body.kind === "mail" ? "smtp" : "http";
      const made = await add({ name: "guarded", url: `${scheme}://127.0.0.1:9`, ...body });
      assert.equal(made.status, 201, made.text);
      const change = (more: object): Promise<Reply> =>
        service.ask("PATCH", "/v1/alert-targets/guarded", { body: more });
      const url = receiver.url.replace("http", scheme);
      const moved = await change({ url });
      assert.equal(moved.body["code"], "alert-target-invalid", moved.text);
      assert.ok(moved.body["detail"].includes(kept), moved.text);
      assert.equal((await change({ url, [kept]: "of the other" })).status, 200);
      await service.ask("DELETE", "/v1/alert-targets/guarded");
    }
    assert.equal(receiver.received.length, before);
  });

  it("go only to targets that want them", async () => {
    await service.register("other");
    await service.ask("PATCH", "/v1/alert-targets/ops", {
      body: { databases: ["other"], severity: "critical" },
    });
    const before = await target();
    assert.deepEqual([before["databases"], before["severity"]], [["other"], "critical"]);
    await fail();
    const after = await target();
    assert.deepEqual([after["queued"], after["delivered"]], [0, before["delivered"]]);
    await service.ask("PATCH", "/v1/alert-targets/ops", {
      body: { databases: null, severity: null },
    });
    assert.equal((await target())["databases"], null);
  });

  it("can be read by auditors and changed by administrators alone", async () => {
    const auditor = await service.tokenFor("auditor");
    const operator = await service.tokenFor("operator");
    assert.equal((await service.get("/v1/alert-targets", { token: auditor })).status, 200);
    assert.equal((await service.get("/v1/alerts", { token: auditor })).status, 200);
    for (const token of [auditor, operator])
      for (const [method, path] of [
        ["POST", "/v1/alert-targets"],
        ["PATCH", "/v1/alert-targets/ops"],
        ["DELETE", "/v1/alert-targets/ops"],
        ["POST", "/v1/alert-targets/ops/tests"],
        ["POST", "/v1/alert-targets/ops/secrets"],
        ["POST", "/v1/alert-targets/ops/replays"],
      ] as const)
        assert.equal((await service.ask(method, path, { token, body: {} })).status, 403, path);
  });

  it("tell once a day what a verification found", async () => {
    const from = receiver.received.length;
    const db = new Database(join(service.databases, "other.db"));
    db.exec("CREATE TABLE unknown (x)");
    db.close();
    for (let n = 0; n < 2; n++)
      assert.equal((await service.post("/v1/ledger/verifications")).body["ok"], false);
    await until(({ queued }) => queued === 0);
    const codes = receiver.received.slice(from).map((one) => payload(one).data.code);
    assert.deepEqual(codes, ["verification-failed"]);
  });

  it("end with what they were raised for, and that is told too", async () => {
    const db = new Database(join(service.databases, "other.db"));
    await service.post("/v1/databases/other/drift/checks");
    const open = async (): Promise<string[]> =>
      (await service.get("/v1/alerts?open=true")).body["items"].map(
        ({ code }: Reply["body"]) => code,
      );
    assert.deepEqual(await open(), ["drift-detected"]);
    assert.match((await service.get("/metrics")).text, /alerts_open\{code="drift-detected"\} 1/);
    const from = receiver.received.length;
    db.exec("DROP TABLE unknown");
    db.close();
    await service.post("/v1/databases/other/drift/checks");
    const told = async (): Promise<Reply["body"][]> => {
      await until(({ queued }) => queued === 0);
      return receiver.received.slice(from).map(payload);
    };
    while ((await told()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [{ type, data }] = await told();
    assert.deepEqual(
      [type, data.code, data.severity, data.database],
      ["alert.resolved", "drift-detected", "warning", "other"],
    );
    const began = (await types("AlertRaised")).find((one) => one.data.alertId === data.alertId)!;
    assert.equal(data.raisedAt, began.time);
    assert.deepEqual(await open(), []);
    const [ended] = await types("AlertResolved");
    assert.deepEqual([ended.data.raised, ended.index], [began.index, data.eventIndex]);
  });

  it("of other databases are not for a key that is limited to some", async () => {
    const limited = { name: "limited", roles: ["auditor"], databases: ["other"] };
    const { token } = (await service.post("/v1/keys", limited)).body;
    const { items } = (await service.get("/v1/alerts", { token })).body;
    assert.deepEqual(
      items.map(({ database }: Reply["body"]) => database),
      ["other"],
    );
    assert.equal((await service.get("/v1/alerts?database=shop", { token })).status, 404);
    const targets = await service.get("/v1/alert-targets", { token });
    assert.equal(targets.body["code"], "key-limited");
  });

  it("have the starts and stops of the service beside them", async () => {
    await service.halt();
    await service.restart();
    const found = [...(await types("ServiceStarted")), ...(await types("ServiceStopped"))]
      .toSorted((a, b) => a.index - b.index)
      .map(({ type, data }) => (type === "ServiceStarted" ? data.after : "stopped"));
    assert.deepEqual(found.slice(0, 3), ["first", "stopped", "stop"]);
    for (const [n, one] of found.entries())
      if (n > 0) assert.equal(one, n % 2 === 0 ? "stop" : "stopped");
    const [first, second] = await types("ServiceStarted");
    assert.equal(first.data.settings, second.data.settings);
    assert.notEqual(first.context.instance, second.context.instance);
  });

  it("tell that the ledger was refused, once, although nothing can be recorded", async () => {
    await service.halt();
    const file = join(service.data, "ledger.db");
    const old = readFileSync(file);
    await service.restart();
    await fail();
    await until(({ queued }) => queued === 0);
    await service.halt();
    const new_ = readFileSync(file);
    writeFileSync(file, old);
    const from = receiver.received.length;
    for (let n = 0; n < 2; n++)
      await assert.rejects(service.restart(), { code: "ledger-rolled-back" });
    const told = receiver.received.slice(from).map(payload);
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.code, data.severity, data.eventIndex]),
      [["alert.raised", "ledger-rolled-back", "critical", null]],
    );
    writeFileSync(file, new_);
    await service.restart();
  });

  it("rebuild to the same state", async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
  });
});
