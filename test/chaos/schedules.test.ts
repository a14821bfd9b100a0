import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { databaseStream, type EventData, type EventType } from "../../src/domain/events.ts";
import type { Schedule } from "../../src/domain/schedule/events.ts";
import { registered } from "../support/history.ts";
import { extent } from "../support/chaos/extent.ts";
import { ServiceChild } from "../support/chaos/service-child.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { MovedClock } from "../support/moved-clock.ts";
import { TestService } from "../support/service.ts";
import { openLedger } from "../support/sqlite-ledger.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const NIGHTLY = { task: "backup", cron: "0 3 * * *" };

interface Told {
  readonly type: string;
  readonly data: { readonly [member: string]: unknown };
}

describe("Schedules and their processes", function () {
  this.timeout(60_000);
  const clock = new MovedClock();
  let service: TestService;
  let id = "";
  let day = 0;

  /** A quarter past three of the next night, when the backup is late. */
  const nextNight = (): string => {
    day += 1;
    return new Date(Date.UTC(2026, 4, day, 3, 15)).toISOString();
  };
  const due = (): string => new Date(Date.UTC(2026, 4, day, 3)).toISOString();

  before(async () => {
    clock.set("2026-04-30T12:00:00.000Z");
    service = await TestService.start({}, clock);
    await service.register("shop");
    id = (await service.post("/v1/databases/shop/schedules", NIGHTLY)).body["id"];
    await service.halt();
  });
  after(() => service.stop());

  const child = (now: string, crash?: CrashPoint): Promise<ServiceChild> => {
    const { data, databases: root } = service;
    return ServiceChild.start({ data, root, now, ...(crash === undefined ? {} : { crash }) });
  };

  /** What a service that is started at `now` finds, when the work of this night has ended. */
  async function history(now: string): Promise<Told[]> {
    clock.set(now);
    await service.restart();
    for (;;) {
      const { last } = (await service.get(`/v1/schedules/${id}`)).body;
      if (last?.due === due() && last.status === "succeeded") break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { items } = (await service.get(`/v1/audit/events?correlationId=${id}&limit=1000`)).body;
    await service.halt();
    return items;
  }

  const ofType = (events: readonly Told[], type: EventType): Told["data"][] =>
    events.filter((event) => event.type === type).map(({ data }) => data);

  /** How the firings of this night ended. */
  function assertDoneOnce(events: readonly Told[], interrupted: number): void {
    const fired = ofType(events, "ScheduleFired").filter((data) => data["due"] === due());
    const ends = fired.map(({ firingId }) =>
      ofType(events, "ScheduleCompleted").filter((data) => data["firingId"] === firingId),
    );
    assert.deepEqual(
      ends.map((one) => one.map(({ status }) => status)),
      [...Array.from({ length: interrupted }, () => ["aborted"]), ["succeeded"]],
    );
    for (const data of fired) assert.equal(data["caughtUp"], true);
  }

  const POINTS: CrashPoint[] = [
    { when: "before", type: "ScheduleFired" },
    { when: "after", type: "ScheduleFired" },
    { when: "after", type: "BackupStarted" },
    { when: "before", type: "ScheduleCompleted" },
    { when: "after", type: "ScheduleCompleted" },
  ];
  const [first, ...others] = extent([POINTS[2]!], POINTS);
  for (const point of [first!, ...others])
    it(`one that dies ${point.when} ${point.type} leaves work that is done once more, or was done`, async () => {
      const now = nextNight();
      const dying = await child(now, point);
      assert.equal((await dying.ended).signal, "SIGKILL");
      const events = await history(now);
      const fired = point.when === "after" || point.type !== "ScheduleFired";
      const told = point.when === "after" && point.type === "ScheduleCompleted";
      assertDoneOnce(events, fired && !told ? 1 : 0);
    });

  it("of two that are started together one has the directory and fires; when it dies, the other", async () => {
    for (let round = 0; round < extent(1, 8); round++) {
      const now = nextNight();
      const both = await Promise.all([child(now), child(now)]);
      const holders = both.filter(({ listens }) => listens);
      assert.equal(holders.length, 1);
      await holders[0]!.kill();
      await Promise.all(both.map(({ ended }) => ended));
      const events = await history(now);
      const fired = ofType(events, "ScheduleFired").filter((data) => data["due"] === due());
      assert.ok(fired.length === 1 || fired.length === 2);
      assertDoneOnce(events, fired.length - 1);
    }
  });
});

describe("Two processes that both believe to have a ledger", function () {
  this.timeout(60_000);
  const DATABASES = extent(20, 60);
  const FIGHTER = fileURLToPath(new URL("../support/schedule-fighter.js", import.meta.url));
  const directory = temporaryDirectory();
  const children = new Set<ChildProcess>();
  afterEach(() => {
    for (const one of children) one.kill("SIGKILL");
    children.clear();
  });

  it("fire everything that is due exactly once", async () => {
    const file = directory.file("ledger.db");
    await scheduleAll(file, DATABASES);
    const fighters = [1, 2].map(() => fork(FIGHTER, [file, "2026-05-02T03:00:10.000Z"]));
    for (const one of fighters) children.add(one);
    const say = async (one: ChildProcess): Promise<string> =>
      ((await once(one, "message")) as [string])[0];
    let both = ["failed"];
    let rounds = 0;
    while (both.includes("failed") || rounds < 3) {
      assert.deepEqual(await Promise.all(fighters.map(say)), ["ready", "ready"]);
      const ends = fighters.map(say);
      for (const one of fighters) one.send("go");
      both = await Promise.all(ends);
      rounds += 1;
      assert.ok(rounds < DATABASES * 4, "they never come to an end");
    }
    for (const one of fighters) one.kill("SIGKILL");
    const ledger = openLedger(file, { readOnly: true });
    const fired = new Map<string, number>();
    const ended = new Set<string>();
    for await (const { type, data } of ledger.readAll(0)) {
      if (type === "ScheduleFired")
        fired.set(data.scheduleId, (fired.get(data.scheduleId) ?? 0) + 1);
      if (type === "ScheduleCompleted") ended.add(data.firingId);
    }
    await ledger.close();
    assert.equal(fired.size, DATABASES);
    assert.deepEqual([...new Set(fired.values())], [1]);
    assert.equal(ended.size, DATABASES);
  });
});

/** A ledger with databases that have a schedule each, all due at three every night. */
async function scheduleAll(file: string, count: number): Promise<void> {
  const clock = new MovedClock();
  clock.set("2026-05-01T12:00:00.000Z");
  const ledger = openLedger(file, { clock });
  const schedule: Schedule = {
    name: "nightly",
    task: "backup",
    cron: "0 3 * * *",
    timeZone: "UTC",
    catchUp: "once",
    paused: false,
  };
  for (let n = 0; n < count; n++) {
    const databaseId = `0190163d-8694-739b-aea5-${String(n).padStart(12, "0")}`;
    const [register] = registered as [
      { type: "DatabaseRegistered"; data: EventData["DatabaseRegistered"] },
    ];
    const data = { ...register.data, databaseId, name: `db${n}`, url: `/data/${n}.db` };
    await ledger.append({
      stream: databaseStream(databaseId),
      expected: "none",
      events: [
        { type: "DatabaseRegistered", data },
        { type: "ScheduleCreated", data: { scheduleId: `schedule-${n}`, schedule } },
      ],
      context: {
        actor: { id: "act_00000000000000000000000000000001", kind: "user" },
        authn: { method: "internal" },
        source: {},
        requestId: "given",
      },
    });
  }
  await ledger.close();
}
