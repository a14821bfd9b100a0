import assert from "node:assert/strict";
import { TestService } from "../support/service.ts";

/** Counts for about a second, unless it is ended. */
const SLOW = `CREATE TABLE t AS WITH RECURSIVE c (n) AS
  (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1500000) SELECT sum(n) AS s FROM c`;

describe("a stream of a run under way", () => {
  let service: TestService;
  let runId: string;

  beforeEach(async () => {
    service = await TestService.start();
    await service.register("shop");
    const migrations = [{ version: "1", name: "slow", up: SLOW }];
    await service.post("/v1/databases/shop/migrations", { migrations });
    runId = (await service.post("/v1/databases/shop/runs", { rehearse: false })).body["id"];
  });
  afterEach(() => service.stop());

  /** The whole stream's text, once it has ended. */
  const whole = async (): Promise<string> => {
    const reply = await fetch(`${service.url}/v1/runs/${runId}/events`, {
      headers: { authorization: `Bearer ${service.token}`, accept: "text/event-stream" },
    });
    assert.match(reply.headers.get("content-type") ?? "", /^text\/event-stream/);
    return reply.text();
  };

  it("ends with the run when that is cancelled, after the events of the cancelling", async () => {
    const streamed = whole();
    await until(async () => (await events()).includes("StepStarted"));
    const { status } = await service.post(`/v1/runs/${runId}/cancel`, { reason: "too slow" });
    assert.equal(status, 202);
    const text = await streamed;
    assert.match(
      text,
      /event: RunCancelled\n[^]*event: end\ndata: \{"id":"[^"]+","status":"cancelled"/,
    );
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  it("ends when the service stops, and the waiting for the run with it", async () => {
    const streamed = whole();
    await until(async () => (await events()).includes("RunStarted"));
    const waiting = service.get(`/v1/runs/${runId}?wait=60`);
    // A later request's answer shows that the earlier one has arrived.
    for (let i = 0; i < 3; i += 1) await events();
    await service.restart();
    assert.ok(!(await streamed).includes("event: end"));
    assert.equal((await waiting).status, 200);
  });

  const events = async (): Promise<string[]> => {
    const { body } = await service.get(`/v1/runs/${runId}/events`);
    return body["items"].map(({ type }: { type: string }) => type);
  };
});

/** Asks until it holds; the test's own limit ends the waiting. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
