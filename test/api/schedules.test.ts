import assert from "node:assert/strict";
import { join } from "node:path";
import Database from "better-sqlite3";
import { MovedClock } from "../support/moved-clock.ts";
import { TestService, type Reply } from "../support/service.ts";

const VIENNA = { timeZone: "Europe/Vienna" };

describe("schedules", () => {
  let service: TestService;
  const clock = new MovedClock();

  before(async () => {
    // The night on which daylight saving begins: 02:30 does not exist.
    clock.set("2026-03-28T20:00:00.000Z");
    service = await TestService.start({}, clock);
    await service.register("shop");
    await service.register("other");
  });
  after(() => service.stop());

  async function create(body: object, database = "shop"): Promise<string> {
    const reply = await service.post(`/v1/databases/${database}/schedules`, body);
    assert.equal(reply.status, 201, reply.text);
    assert.equal(reply.headers.get("location"), `/v1/schedules/${reply.body["id"]}`);
    return reply.body["id"];
  }

  const look = async (id: string): Promise<Reply["body"]> =>
    (await service.get(`/v1/schedules/${id}`)).body;

  /** The schedule when its work of this due time has ended. */
  async function ended(id: string, due: string): Promise<Reply["body"]> {
    for (;;) {
      const one = await look(id);
      if (one["last"]?.due === due && one["last"].status !== "running") return one;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Types of the events of a schedule, oldest first. */
  const history = async (id: string): Promise<string[]> =>
    (await service.get(`/v1/audit/events?correlationId=${id}`)).body["items"]
      .map(({ type }: { type: string }) => type)
      .filter((type: string) => type.startsWith("Schedule"));

  it("do each kind of work when it is due, by the clock on the wall", async () => {
    const tasks = ["backup", "integrity-check", "drift-check", "scrub", "drill"];
    await service.ask("PATCH", "/v1/databases/shop/policy", {
      body: { retention: { keepLast: 1 } },
    });
    const ids: string[] = [];
    for (const task of [...tasks, "prune"])
      ids.push(await create({ task, cron: "30 2 * * *", ...VIENNA }));
    const [first] = ids;
    assert.deepEqual((await look(first!))["next"].slice(0, 2), [
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    clock.set("2026-03-29T00:59:59.000Z");
    assert.equal((await look(first!))["last"], null);
    clock.set("2026-03-29T01:00:00.500Z");
    for (const id of ids) {
      const one = await ended(id, "2026-03-29T01:00:00.000Z");
      // The drill may have come before the first backup.
      if (one["task"] !== "drill")
        assert.equal(one["last"].status, "succeeded", JSON.stringify(one));
      assert.equal(one["last"].caughtUp, false);
      assert.deepEqual((await history(id)).slice(0, 3), [
        "ScheduleCreated",
        "ScheduleFired",
        "ScheduleCompleted",
      ]);
    }
    const { body } = await service.get("/v1/databases/shop");
    assert.equal(body["lastBackup"].status, "verified");
    const { operation } = (await look(first!))["last"];
    const backup = await service.get(`/v1/backups/${operation}`);
    assert.equal(backup.body["status"], "verified");
    for (const id of ids.slice(1)) await service.ask("DELETE", `/v1/schedules/${id}?reason=enough`);
    assert.equal((await service.get(`/v1/schedules/${ids[1]}`)).body["code"], "schedule-not-found");
    assert.equal((await service.get("/v1/databases/shop/schedules")).body["items"].length, 1);
  });

  it("make up once for what was due while the service was down, and record it", async () => {
    const [{ id }] = (await service.get("/v1/databases/shop/schedules")).body["items"];
    const skipping = await create({ task: "drift-check", cron: "0 4 * * *", catchUp: "skip" });
    await service.halt();
    clock.set("2026-04-02T12:00:00.000Z");
    await service.restart();
    const one = await ended(id, "2026-04-02T00:30:00.000Z");
    assert.deepEqual(
      [one["last"].status, one["last"].caughtUp, one["missed"]],
      ["succeeded", true, 4],
    );
    assert.deepEqual(one["lastMissed"], {
      first: "2026-03-30T00:30:00.000Z",
      last: "2026-04-02T00:30:00.000Z",
      count: 4,
    });
    assert.equal((await history(id)).filter((type) => type === "ScheduleFired").length, 2);
    const skipped = await look(skipping);
    assert.deepEqual([skipped["missed"], skipped["last"]], [5, null]);
    const alerts = (await service.get("/v1/audit/events?type=AlertRaised&order=desc")).body[
      "items"
    ];
    const missed = alerts.filter(({ data }: Reply["body"]) => data.code === "schedule-missed");
    assert.equal(missed.length, 2);
    assert.equal(missed[0].data.about.kind, "schedule");
    await service.restart();
    assert.equal((await look(id))["missed"], 4);
    await service.ask("DELETE", `/v1/schedules/${skipping}`);
  });

  it("are not fooled for good by a clock that was far ahead", async () => {
    const id = await create({ name: "hourly", task: "drift-check", cron: "0 * * * *" });
    clock.set("2030-01-01T00:30:00.000Z");
    const ahead = await ended(id, "2030-01-01T00:00:00.000Z");
    assert.deepEqual([ahead["last"].caughtUp, ahead["missed"]], [true, 100]);
    clock.set("2026-04-02T12:30:00.000Z");
    // It notices with its next look.
    await service.restart();
    assert.deepEqual((await look(id))["next"][0], "2026-04-02T13:00:00.000Z");
    clock.set("2026-04-02T13:00:01.000Z");
    const right = await ended(id, "2026-04-02T13:00:00.000Z");
    assert.equal(right["last"].status, "succeeded");
    assert.ok((await history(id)).includes("ScheduleRebased"));
    await service.ask("DELETE", `/v1/schedules/${id}`);
  });

  it("show what fails, and raise alerts", async () => {
    const id = await create({ task: "drift-check", cron: "*/5 * * * *" });
    const db = new Database(join(service.databases, "shop.db"));
    db.exec("CREATE TABLE foreign_hand (x)");
    clock.set("2026-04-02T13:05:00.000Z");
    const failing = await ended(id, "2026-04-02T13:05:00.000Z");
    assert.deepEqual([failing["status"], failing["failures"]], ["failing", 1]);
    assert.equal(failing["last"].error.code, "drift");
    const { items } = (await service.get("/v1/audit/events?type=AlertRaised&order=desc&limit=1"))
      .body;
    assert.deepEqual([items[0].data.code, items[0].data.severity], ["schedule-failed", "critical"]);
    const { text } = await service.get("/metrics");
    const labels = '{database="shop",schedule="drift-check"';
    assert.ok(text.includes(`schemaledger_schedule_failures${labels}} 1`));
    assert.ok(text.includes(`schemaledger_schedule_firings_total${labels},status="failed"} 1`));
    db.exec("DROP TABLE foreign_hand");
    db.close();
    clock.set("2026-04-02T13:10:00.000Z");
    const good = await ended(id, "2026-04-02T13:10:00.000Z");
    assert.deepEqual([good["status"], good["failures"]], ["ready", 0]);
    const paused = await service.ask("PATCH", `/v1/schedules/${id}`, { body: { paused: true } });
    assert.deepEqual([paused.body["status"], paused.body["next"]], ["paused", []]);
    clock.set("2026-04-02T14:00:00.000Z");
    const again = await service.ask("PATCH", `/v1/schedules/${id}`, { body: { paused: false } });
    assert.equal(again.body["missed"], 0);
    assert.equal(again.body["next"][0], "2026-04-02T14:05:00.000Z");
  });

  it("leave runs to their windows, whatever the clock does", async () => {
    const window = { opens: "0 2 * * *", minutes: 60, timeZone: "UTC" };
    await service.ask("PATCH", "/v1/databases/other/policy", { body: { window } });
    const migrations = ["1", "2"].map((version) => ({
      version,
      name: `step ${version}`,
      up: `CREATE TABLE t${version} (x)`,
    }));
    await service.post("/v1/databases/other/migrations", { migrations });
    const run = async (to: string): Promise<string> =>
      (await service.post("/v1/databases/other/runs", { to })).body["id"];
    const until = async (id: string, shows: (run: Reply["body"]) => boolean): Promise<void> => {
      while (!shows((await service.get(`/v1/runs/${id}`)).body))
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
    const waitsFor = (at: string) => (run: Reply["body"]) => run.scheduledFor?.at === at;
    const first = await run("1");
    await until(first, waitsFor("2026-04-03T02:00:00.000Z"));
    // Over the whole window: it waits for the next one.
    clock.set("2026-04-03T03:30:00.000Z");
    await until(first, waitsFor("2026-04-04T02:00:00.000Z"));
    // Back before the window that was missed: the next look finds it.
    clock.set("2026-04-03T01:00:00.000Z");
    await service.restart();
    await until(first, waitsFor("2026-04-03T02:00:00.000Z"));
    clock.set("2026-04-03T02:30:00.000Z");
    await until(first, ({ status }) => status === "succeeded");
  });

  it("refuse what cannot be meant, and change nothing", async () => {
    const path = "/v1/databases/other/schedules";
    const facts = await service.facts();
    const cases: [object, number, string][] = [
      [{}, 400, "invalid-request"],
      [{ task: "dance", cron: "0 3 * * *" }, 400, "invalid-request"],
      [{ task: "backup", cron: "0 3 * *" }, 400, "schedule-invalid"],
      [{ task: "backup", cron: "0 3 31 2 *" }, 400, "schedule-invalid"],
      [{ task: "backup", cron: "0 3 * * *", timeZone: "Mars/Olympus" }, 400, "schedule-invalid"],
      [{ task: "backup", cron: "0 3 * * *", level: "full" }, 400, "level-and-task"],
      [{ task: "backup", cron: "0 3 * * *", jitterSeconds: 3601 }, 400, "invalid-request"],
      [{ task: "backup", cron: "0 3 * * *", name: "No Name" }, 400, "invalid-request"],
      [{ task: "prune", cron: "0 3 * * *" }, 409, "retention-not-set"],
    ];
    for (const [body, status, code] of cases) {
      const reply = await service.post(path, body);
      assert.deepEqual([reply.status, reply.body["code"]], [status, code], JSON.stringify(body));
    }
    assert.equal(await service.facts(), facts);
    const id = await create({ task: "backup", cron: "0 3 * * *", reason: "Nightly" }, "other");
    const twice = await service.post(path, { task: "backup", cron: "0 5 * * *" });
    assert.equal(twice.body["code"], "schedule-exists");
    const operator = await service.tokenFor("operator");
    assert.equal((await service.get(`/v1/schedules/${id}`, { token: operator })).status, 200);
    const refused = await service.ask("DELETE", `/v1/schedules/${id}`, { token: operator });
    assert.equal(refused.status, 403);
    const key = { name: "limited", roles: ["auditor"], databases: ["shop"] };
    const token = (await service.post("/v1/keys", key)).body["token"];
    assert.equal((await service.get(`/v1/schedules/${id}`, { token })).status, 404);
    const { items } = (await service.get("/v1/schedules", { token })).body;
    assert.deepEqual([...new Set(items.map(({ database }: Reply["body"]) => database))], ["shop"]);
  });

  it("rebuild to the same state", async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
    assert.deepEqual(
      service.logged.filter(({ level }) => level === "error"),
      [],
    );
  });
});
