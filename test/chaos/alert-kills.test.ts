import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { AlertReceiver, answers, ok, type Received } from "../support/alert-receiver.ts";
import type { Api, AuditEvent } from "../support/chaos/api.ts";
import type { CrashPoint } from "../support/chaos/crash-service.ts";
import { extent, LONG } from "../support/chaos/extent.ts";
import { ServiceChild } from "../support/chaos/service-child.ts";
import { isGone } from "../support/chaos/stories.ts";

const PACE = { firstMs: 10, growth: 1.5, mostMs: 50, giveUpMs: 600_000 };
const ROUNDS = extent(1, 8);

interface Run {
  readonly id: string;
  readonly planDigest: string;
}

describe("Kills while alerts are delivered", function () {
  this.timeout(extent(60_000, 300_000));
  let root: string;
  let receiver: AlertReceiver;
  let child: ServiceChild;
  let raised = 0;
  let deaths = 0;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "schemaledger-alerts-"));
    receiver = await AlertReceiver.start();
  });
  after(async () => {
    if (child !== undefined) await child.kill();
    await receiver.down();
    await rm(root, { recursive: true, force: true });
  });

  /** Undefined: it died of what waited already, before it listened. */
  async function started(crash?: CrashPoint): Promise<Api | undefined> {
    const order = { data: join(root, "data"), root, alertPace: PACE };
    child = await ServiceChild.start(crash === undefined ? order : { ...order, crash });
    return child.listens ? child.api : undefined;
  }

  async function serve(): Promise<Api> {
    return (await started()) ?? child.api;
  }

  /** Alerts that cost little: somebody approves the own run, of which there are ever more. */
  async function raise(api: Api | undefined, count: number): Promise<void> {
    for (let n = 0; api !== undefined && n < count; n++) {
      try {
        const run = await api.need(api.post<Run>("/v1/databases/app/runs", {}));
        const decision = { decision: "approve", planDigest: run.planDigest };
        const { status } = await api.post(`/v1/runs/${run.id}/approvals`, decision);
        assert.equal(status, 403);
        raised += 1;
      } catch (error) {
        // What was asked for when it died may be on record or not: the ledger says.
        if (!isGone(error)) throw error;
        return;
      }
    }
  }

  async function death(): Promise<void> {
    assert.equal((await child.ended).signal, "SIGKILL");
    deaths += 1;
  }

  async function dieOfRecords(): Promise<void> {
    // It dies as soon as it is on record.
    await raise(await started({ when: "after", type: "AlertDelivered", nth: 1 }), 3);
    await death();
    // The receiver has trouble; the service dies before, and after, that is on record.
    receiver.behaviour = answers(500);
    await raise(await started({ when: "before", type: "AlertDeliveryFailed" }), 1);
    await death();
    await raise(await started({ when: "after", type: "AlertDeliveryFailed" }), 1);
    await death();
  }

  it("lose no alert, keep their order, and send nothing twice that was on record", async () => {
    let api = await serve();
    const target = await api.need(
      api.post<{ secret: string }>("/v1/alert-targets", {
        name: "ops",
        kind: "webhook",
        url: receiver.url,
        privateAddresses: true,
      }),
    );
    await api.need(
      api.post("/v1/databases", {
        name: "app",
        engine: "sqlite",
        url: join(root, "app.db"),
        create: true,
        policy: { approvals: 1 },
      }),
    );
    await api.need(
      api.post("/v1/databases/app/migrations", {
        migrations: [{ version: "1", name: "one", up: "CREATE TABLE a (x)" }],
      }),
    );
    await raise(api, 2);
    await receiver.until(2);
    await child.stop();

    for (let round = 0; round < ROUNDS; round++) {
      // The receiver has taken it; the service dies before that is on record.
      await raise(await started({ when: "before", type: "AlertDelivered", nth: 2 }), 5);
      await death();
      if (LONG) await dieOfRecords();
      // It dies while the receiver takes its time.
      const from = receiver.received.length;
      receiver.behaviour = () => undefined;
      await raise(await serve(), 2);
      await receiver.until(from + 1);
      await child.kill();
      deaths += 1;
      receiver.behaviour = ok;
    }

    api = await serve();
    const isEmpty = async (): Promise<boolean> =>
      (await api.need(api.get<{ queued: number }>("/v1/alert-targets/ops"))).queued === 0;
    while (!(await isEmpty())) await new Promise((resolve) => setTimeout(resolve, 20));
    const events = await api.until(() => true);
    const alerts = events.filter(({ type }) => type === "AlertRaised");
    assert.ok(alerts.length >= raised, `${alerts.length} of ${raised} are in the ledger`);
    assertDelivered(alerts, events);
    // Each death shows at the next start, and the one stop in order too.
    const starts = events.flatMap((one) =>
      one.type === "ServiceStarted" ? [(one.data as { after: string }).after] : [],
    );
    assert.deepEqual(starts.slice(0, 2), ["first", "stop"]);
    assert.equal(starts.filter((after) => after === "crash").length, deaths);
    const taken = receiver.received.filter((one) => one.taken);
    const webhook = new Webhook(target.secret);
    for (const { body, headers } of taken) webhook.verify(body, headers as Record<string, string>);
    const firsts = [...new Set(taken.map(idOf))];
    assert.deepEqual(
      firsts,
      alerts.map(({ id }) => id),
    );
    assert.ok(taken.length - firsts.length <= deaths, "more repetitions than deaths");
    // At least the one that was taken and not on record came again.
    assert.ok(taken.length > firsts.length);
    assert.equal((await child.stop()).code, 0);
  });

  const idOf = ({ headers }: Received): string => headers["webhook-id"] as string;

  /** Every alert has one delivery on record, in the order in which they were raised. */
  function assertDelivered(alerts: readonly AuditEvent[], events: readonly AuditEvent[]): void {
    const delivered = events.filter(({ type }) => type === "AlertDelivered");
    assert.deepEqual(
      delivered.map(({ data }) => data["alert"]),
      alerts.map(({ index }) => index),
    );
  }
});
