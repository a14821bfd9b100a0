import assert from "node:assert/strict";
import { AlertReceiver, answers, ok } from "../support/alert-receiver.ts";
import { MovedClock } from "../support/moved-clock.ts";
import { TestService, type Reply } from "../support/service.ts";

const PACE = { firstMs: 5, growth: 1.5, mostMs: 20, giveUpMs: 250 };

describe("alerts in time", () => {
  let service: TestService;
  let receiver: AlertReceiver;
  const clock = new MovedClock();

  before(async () => {
    receiver = await AlertReceiver.start();
    service = await TestService.start({}, clock, { alertPace: PACE });
    const target = { kind: "slack", url: receiver.url, privateAddresses: true };
    for (const name of ["first", "second"])
      assert.equal((await service.post("/v1/alert-targets", { name, ...target })).status, 201);
    await service.ask("PATCH", "/v1/alert-targets/second", {
      body: { codes: ["alert-not-delivered"] },
    });
    await service.register("shop");
    await service.ask("PATCH", "/v1/databases/shop/policy", { body: { backupAlertHours: 24 } });
  });
  after(async () => {
    await service.stop();
    await receiver.down();
  });

  const ahead = (hours: number): void =>
    clock.set(new Date(Date.parse(clock.now()) + hours * 3_600_000).toISOString());

  async function until(
    name: string,
    condition: (target: Reply["body"]) => boolean,
  ): Promise<Reply["body"]> {
    for (;;) {
      const { body } = await service.get(`/v1/alert-targets/${name}`);
      if (condition(body)) return body;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const raised = async (): Promise<string[]> =>
    (await service.get("/v1/alerts")).body["items"].map(({ code }: { code: string }) => code);

  it("tell of a backup that is too old once a day, whoever looks how often", async () => {
    assert.deepEqual(await raised(), []);
    await service.halt();
    ahead(25);
    for (let n = 0; n < 2; n++) {
      await service.restart();
      await until("first", ({ delivered }) => delivered === 1);
    }
    assert.deepEqual(await raised(), ["backup-too-old"]);
    assert.equal((await service.get("/readyz")).body["checks"].backups.status, "degraded");
    await service.halt();
    ahead(24);
    await service.restart();
    await until("first", ({ delivered }) => delivered === 2);
    assert.deepEqual(await raised(), ["backup-too-old", "backup-too-old"]);
  });

  it("are over when there is a backup that is recent enough", async () => {
    const resolved = async (): Promise<number> =>
      (await service.get("/v1/audit/events?type=AlertResolved")).body["items"].length;
    const open = async (): Promise<string[]> =>
      (await service.get("/v1/alerts?open=true")).body["items"].map(
        ({ database }: { database: string }) => database,
      );
    assert.deepEqual(await open(), ["shop"]);
    const { body } = await service.post("/v1/databases/shop/backups");
    await service.get(`/v1/backups/${body["id"]}?wait=20`);
    await service.post(`/v1/backups/${body["id"]}/verifications`);
    while ((await resolved()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await open(), []);
    await until("first", ({ queued }) => queued === 0);
    assert.match(receiver.received.at(-1)!.body, /resolved: .*recent enough/);
  });

  it("are given up after a while, which is told to others, and once for all that follow", async () => {
    receiver.behaviour = answers(500);
    await service.halt();
    ahead(24);
    await service.restart();
    const dead = await until("first", ({ deadLetters }) => deadLetters === 1);
    assert.equal(dead["queued"], 0);
    const { items } = (await service.get("/v1/alert-targets/first/dead-letters")).body;
    assert.equal(items[0].error.code, "alert-target-failed");
    assert.ok(items[0].attempts >= 2, `${items[0].attempts} attempts`);
    receiver.behaviour = ok;
    await until("second", ({ queued, delivered }) => queued === 0 && delivered <= 1);
    assert.deepEqual((await raised()).slice(0, 2), ["alert-not-delivered", "backup-too-old"]);
    assert.equal((await service.get("/readyz")).body["status"], "degraded");
    await service.post("/v1/alert-targets/first/replays");
    await until("first", ({ queued, delivered }) => queued === 0 && delivered === 4);
  });
});
