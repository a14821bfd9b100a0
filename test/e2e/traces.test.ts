import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlertReceiver } from "../support/alert-receiver.ts";
import { MAIN } from "../support/repository.ts";
import { endProcessesAfterEach, saying, start } from "../support/service-process.ts";
import { Collector, type CollectedSpan } from "../support/tracing/collector.ts";

const SDK = new URL("../support/tracing/register.js", import.meta.url).href;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

const attribute = ({ attributes }: CollectedSpan, key: string): string | number | undefined => {
  const value = attributes.find((one) => one.key === key)?.value;
  return value?.stringValue ?? (value?.intValue === undefined ? undefined : Number(value.intValue));
};

describe("traces", () => {
  endProcessesAfterEach();
  let collector: Collector;
  let root: string;

  before(async () => {
    collector = await Collector.start();
    root = mkdtempSync(join(tmpdir(), "schemaledger-traces-"));
  });
  after(async () => {
    await collector.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it("lead from a client's request through the run into the executor's process", async () => {
    const data = join(root, "data");
    const args = ["serve", "--data", data, "--root", root, "--port", "0", "--log-level", "debug"];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const service = start(process.execPath, ["--import", SDK, MAIN, ...args], { cwd: root, env });
    const url = await saying(service, /^listening on (\S+)$/);
    const token = readFileSync(join(data, "keys/admin.key"), "utf8").trim();
    const post = async (path: string, body: object, headers = {}): Promise<{ id: string }> => {
      const response = await fetch(url + path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          ...headers,
        },
      });
      assert.ok(response.ok, await response.clone().text());
      return (await response.json()) as { id: string };
    };
    const place = { name: "shop", engine: "sqlite", url: join(root, "shop.db"), create: true };
    await post("/v1/databases", place);
    await post("/v1/databases/shop/migrations", {
      migrations: [{ version: "1", name: "one", up: "CREATE TABLE a (secret_name)" }],
    });
    const traceparent = `00-${TRACE}-${CALLER}-01`;
    const run = await post("/v1/databases/shop/runs", {}, { traceparent });

    const isMine = ({ traceId }: CollectedSpan): boolean => traceId === TRACE;
    // It ends last, with its work.
    await collector.until((one) => isMine(one) && one.name === "database work");
    const own = collector.spans.filter(isMine);
    const byId = new Map(own.map((span) => [span.spanId, span]));
    const path = (span: CollectedSpan): string[] => {
      const above = byId.get(span.parentSpanId ?? "");
      return above === undefined ? [span.name] : [...path(above), span.name];
    };

    const ended = own.find(({ name }) => name === "run migrate")!;
    const request = own.find(({ name }) => name === "POST /v1/databases/{database}/runs")!;
    assert.deepEqual([request.parentSpanId, request.kind], [CALLER, 2]);
    assert.equal(attribute(request, "http.response.status_code"), 202);
    assert.equal(attribute(ended, "schemaledger.run"), run.id);

    // The step, as the process that did it tells.
    const step = own.find(({ name }) => /^engine applySteps?$/.test(name))!;
    assert.deepEqual(path(step), [
      "POST /v1/databases/{database}/runs",
      "database work",
      "run migrate",
      step.name.replace("engine", "executor"),
      step.name,
    ]);
    const child = attribute(step, "process.pid");
    assert.equal(typeof child, "number");
    assert.notEqual(child, service.child.pid);
    const call = byId.get(step.parentSpanId!)!;
    assert.equal(attribute(call, "schemaledger.executor.pid"), child);
    const time = (text: string): bigint => BigInt(text) / 1_000_000n;
    assert.ok(time(step.startTimeUnixNano) >= time(call.startTimeUnixNano) - 5n);
    assert.ok(time(step.endTimeUnixNano) <= time(call.endTimeUnixNano) + 5n);
    // Every span but those at the edge has its parent here: nothing hangs in the air.
    const loose = own.filter(({ parentSpanId }) => !byId.has(parentSpanId ?? ""));
    assert.deepEqual(
      loose.map(({ spanId }) => spanId),
      [request.spanId],
    );
    // Roll backs and restores hang together as runs do, each in the trace of its own request.
    const get = async (path: string): Promise<{ items: { id: string }[] }> =>
      (await (
        await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as { items: { id: string }[] };
    const [backup] = (await get("/v1/databases/shop/backups")).items;
    const receiver = await AlertReceiver.start();
    await post("/v1/alert-targets", {
      name: "ops",
      kind: "webhook",
      url: receiver.url,
      privateAddresses: true,
    });
    for (const [nth, place, body] of [
      [1, "rollbacks", { to: "0", reason: "test" }],
      [2, "restores", { backupId: backup!.id, reason: "test" }],
      // It fails: there is no such table.
      [3, "runs", {}],
    ] as const) {
      if (nth === 3)
        await post("/v1/databases/shop/migrations", {
          migrations: [{ version: "2", name: "fails", up: "DROP TABLE secret_name" }],
        });
      const trace = `${nth}`.repeat(32);
      await post(`/v1/databases/shop/${place}`, body, {
        traceparent: `00-${trace}-${CALLER}-01`,
      });
      const isPart = ({ traceId }: CollectedSpan): boolean => traceId === trace;
      await collector.until((one) => isPart(one) && one.name === "database work");
      const part = collector.spans.filter(isPart);
      const ids = new Set(part.map(({ spanId }) => spanId));
      const edges = part.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ""));
      assert.deepEqual(
        edges.map(({ name, parentSpanId }) => [name, parentSpanId]),
        [[`POST /v1/databases/{database}/${place}`, CALLER]],
      );
      assert.ok(
        part.some((one) => one.name.startsWith("engine ") && attribute(one, "process.pid")),
        place,
      );
    }
    // A delivery is nobody's request: it has a trace of its own.
    const delivery = await collector.until(({ name }) => name === "deliver alert");
    assert.equal(delivery.parentSpanId ?? "", "");
    assert.equal(attribute(delivery, "schemaledger.alert.code"), "run-failed");
    await receiver.down();
    // Nothing of what is in a database, nor of who asks, is in a trace.
    assert.ok(!JSON.stringify(collector.spans).includes("secret_name"));
    assert.ok(!JSON.stringify(collector.spans).includes(token));
    service.child.kill("SIGTERM");
    const { code, stderr } = await service.ended;
    assert.equal(code, 0);
    // The log names the trace, in lines of JSON, and nobody's token.
    const lines = stderr.trim().split("\n");
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const answered = records.find(({ traceId }) => traceId === TRACE)!;
    assert.deepEqual(
      [answered["level"], answered["route"], answered["status"], answered["spanId"]],
      ["debug", "startRun", 202, request.spanId],
    );
    assert.equal(answered["requestId"], attribute(request, "schemaledger.request.id"));
    assert.ok(!stderr.includes(token));
  });
});
