import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

const VERIFIER = "verifier/verify.js";

const sha256 = (bytes: string | Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe("the report of changes", function () {
  this.timeout(60_000);
  let service: TestService;
  let to = "";
  const changes = (more = ""): string => `/v1/reports/changes?to=${to}${more}`;

  const run = async (body: object, approver?: string): Promise<Reply> => {
    const begun = await service.post("/v1/databases/shop/runs", body);
    assert.equal(begun.status, 202, begun.text);
    const { id, planDigest } = begun.body;
    if (approver !== undefined) {
      const own = await service.post(`/v1/runs/${id}/approvals`, {
        decision: "approve",
        planDigest,
      });
      assert.equal(own.body["code"], "self-approval");
      const token = approver;
      const given = await service.post(
        `/v1/runs/${id}/approvals`,
        { decision: "approve", planDigest },
        { token },
      );
      assert.ok(given.status < 300, given.text);
    }
    return service.get(`/v1/runs/${id}?wait=30`);
  };

  const register = (version: number, up: string): Promise<Reply> =>
    service.post("/v1/databases/shop/migrations", {
      migrations: [{ version, name: `=cmd|' /C calc'!A${version}`, up, down: "DROP TABLE x" }],
    });

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    const approver = await service.tokenFor("approver");
    await service.ask("PATCH", "/v1/databases/shop/policy", { body: { approvals: 1 } });
    await register(
      1,
      "CREATE TABLE x (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO x (b) VALUES ('<b>')",
    );
    const first = await run({ reason: "=1+1 first release", ticket: "OPS-1" }, approver);
    assert.equal(first.body["status"], "succeeded", first.text);
    await register(2, "DELETE FROM x");
    const second = await run({ reason: "clean up", emergency: true });
    assert.equal(second.body["status"], "failed", second.text);
    const db = new Database(join(service.databases, "shop.db"));
    db.exec("CREATE INDEX drifted ON x (b)");
    db.close();
    await service.post("/v1/databases/shop/drift/checks");
    const { body } = await service.get("/v1/audit/events?order=desc&limit=1");
    to = body["items"][0].time;
  });
  after(() => service.stop());

  it("counts the population as an independent count of the log does", async () => {
    const { body: report } = await service.get(changes());
    const { first, last } = report["period"];
    assert.equal(first, 0);
    const entries = await allEntries(service, last + 1);
    const requested = entries.filter(({ type }) => type === "RunRequested");
    assert.equal(report["population"].changes, requested.length);
    assert.equal(report["population"].requested, 2);
    assert.deepEqual(
      report["changes"].map(({ requested: one }: { requested: { index: number } }) => one.index),
      requested.map(({ index }) => index),
    );
    const types = new Map<string, number>();
    for (const { type } of entries) types.set(type, (types.get(type) ?? 0) + 1);
    assert.deepEqual(new Map(Object.entries(report["eventsByType"])), types);
    assert.deepEqual(report["population"].byStatus, { failed: 1, succeeded: 1 });
    assert.equal(report["completeness"].complete, true);
    assert.deepEqual(report["completeness"].events, { expected: last + 1, read: last + 1 });
    assert.equal(report["completeness"].databasesReconciled, 1);
  });

  it("has each thing about a change with the event that says so", async () => {
    const { body: report } = await service.get(changes());
    const [one] = report["changes"];
    const at = async (index: number): Promise<string> =>
      (await service.get(`/v1/audit/events?after=${index - 1}&limit=1`)).body["items"][0].type;
    assert.equal(await at(one.requested.index), "RunRequested");
    assert.equal(await at(one.approvals[0].index), "RunApproved");
    assert.equal(await at(one.refusals[0].index), "ApprovalRefused");
    assert.equal(await at(one.rehearsal.index), "RehearsalCompleted");
    assert.equal(await at(one.backups[0].verified.index), "BackupVerified");
    assert.equal(await at(one.steps[0].intent.index), "StepStarted");
    assert.equal(await at(one.steps[0].outcome.index), "StepApplied");
    assert.equal(await at(one.plan[0].registered.index), "MigrationRegistered");
    assert.equal(await at(one.checks[0].index), "IntegrityCheckCompleted");
    assert.equal(await at(one.ended.index), "RunCompleted");
    assert.match(report["scripts"][one.plan[0].up], /^CREATE TABLE x/);
    assert.deepEqual(one.controls["PCI DSS 4.0.1 6.5.1 c"], [one.approvals[0].index]);
    const kinds = report["exceptions"].map(({ kind }: { kind: string }) => kind);
    for (const kind of ["self-approval-attempt", "run-failed", "emergency", "drift", "key-issued"])
      assert.ok(kinds.includes(kind), `${kind} is not among ${kinds}`);
    const c = report["controls"].find(({ clause }: { clause: string }) => clause === "6.5.1 c");
    assert.equal(c.withEvidence, 1);
    assert.deepEqual(c.without, [report["changes"][1].runId]);
  });

  it("is the same to the byte whenever it is asked for", async () => {
    for (const format of ["json", "html", "csv", "pdf"]) {
      const first = await bytesOf(service, changes(`&format=${format}`));
      const again = await bytesOf(service, changes(`&format=${format}`));
      assert.equal(sha256(first), sha256(again), format);
    }
    const before = await bytesOf(service, changes());
    await service.tokenFor("operator");
    await service.restart();
    assert.equal(sha256(await bytesOf(service, changes())), sha256(before));
  });

  it("is recorded with its digest", async () => {
    const html = await bytesOf(service, changes("&format=html"));
    const { body } = await service.get("/v1/audit/events?type=ReportIssued&order=desc&limit=1");
    const { data } = body["items"][0];
    assert.equal(data.sha256, sha256(html));
    assert.deepEqual([data.report, data.format, data.first], ["changes", "text/html", 0]);
  });

  it("shows the same numbers in every format", async () => {
    const { body: report } = await service.get(changes());
    const html = (await service.get(changes("&format=html"))).text;
    const csv = (await service.get(changes("&format=csv"))).text;
    assert.match(html, new RegExp(`<dt>Changes</dt><dd>${report["population"].changes}</dd>`));
    assert.match(
      html,
      new RegExp(`<dt>Events read</dt><dd>${report["completeness"].events.read}</dd>`),
    );
    for (const { runId } of report["changes"]) {
      assert.ok(html.includes(`id="run-${runId}"`));
      assert.ok(csv.includes(runId));
    }
    assert.equal(csv.trimEnd().split("\r\n").length, report["population"].changes + 1);
  });

  it("cannot become a formula, nor markup", async () => {
    const csv = (await service.get(changes("&format=csv"))).text;
    assert.ok(csv.includes("'=1+1 first release"));
    assert.ok(!/(^|,)"?[=+@]/m.test(csv));
    const html = (await service.get(changes("&format=html"))).text;
    assert.ok(html.includes("&lt;b&gt;"));
    assert.ok(!/<script|<link|<img|https?:\/\//.test(html));
  });

  it("draws a sample that can be drawn again", async () => {
    const { body: report } = await service.get(changes("&sample=1"));
    const root = Buffer.from(report["end"].root, "base64");
    const ranked = report["changes"]
      .map(({ runId }: { runId: string }) => [
        sha256(Buffer.concat([root, Buffer.from(runId)])),
        runId,
      ])
      .toSorted();
    assert.deepEqual(report["sample"].runs, [ranked[0][1]]);
    assert.equal(report["sample"].root, root.toString("hex"));
  });

  it("cuts runs at its bounds and recalls what came before", async () => {
    const { body: whole } = await service.get(changes());
    const [one] = whole["changes"];
    const from = one.started.time;
    const { body: part } = await service.get(`/v1/reports/changes?from=${from}&to=${to}`);
    const carried = part["changes"].find(({ runId }: { runId: string }) => runId === one.runId);
    assert.equal(carried.carriedOver, true);
    assert.deepEqual(carried.approvals, one.approvals);
    assert.deepEqual(carried.steps, one.steps);
    assert.equal(part["completeness"].complete, true);
    assert.ok(part["consistency"].toEnd.length > 0);
    const { body: early } = await service.get(`/v1/reports/changes?to=${one.requested.time}`);
    assert.equal(early["population"].byStatus["not started"], 1);
  });

  it("says what was erased, and by which event", async () => {
    const { token, actorId } = await author(service);
    const reason = "Because the erased one said so";
    const asked = await service.post("/v1/databases/shop/runs", { reason }, { token });
    assert.equal(asked.status, 202, asked.text);
    const shown = async (): Promise<string> => (await service.get("/v1/reports/changes")).text;
    assert.ok((await shown()).includes(reason));
    const erased = await service.post(`/v1/actors/${actorId}/erasures`, { reason: "They asked" });
    assert.equal(erased.status, 201, erased.text);
    const after = await shown();
    assert.ok(!after.includes(reason));
    assert.ok(after.includes(`erased (event ${erased.body["eventIndex"]})`));
  });

  it("refuses what cannot be meant", async () => {
    const status = async (query: string): Promise<number> =>
      (await service.get(`/v1/reports/changes?${query}`)).status;
    assert.equal(await status("format=docx"), 400);
    assert.equal(await status("sample=0"), 400);
    assert.equal(await status("from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z"), 400);
    assert.equal(await status("to=2001-01-01T00:00:00Z"), 404);
    assert.equal((await service.get("/v1/reports/changes", { token: null })).status, 401);
  });

  it("lets others have their turn, also after readers who went away", async () => {
    for (let n = 0; n < 3; n += 1) {
      await service.ask("HEAD", changes());
      const away = new AbortController();
      const headers = { authorization: `Bearer ${service.token}` };
      const asked = fetch(service.url + changes(), { headers, signal: away.signal });
      setTimeout(() => away.abort(), n * 10);
      await asked.then(
        (answer) => answer.body?.cancel(),
        () => undefined,
      );
    }
    const wait = async (): Promise<number> => {
      const { status } = await service.get(changes());
      return status === 503 ? wait() : status;
    };
    assert.equal(await wait(), 200);
  });

  it("is proved by a bundle that the stand-alone verifier checks", async () => {
    const bundle = await bytesOf(service, `/v1/reports/evidence?to=${to}`);
    const file = join(service.directory, "evidence.tar");
    const vkey = (await service.get("/v1/ledger/vkey")).text.trim();
    const verify = (): number | null => {
      const { status } = spawnSync(process.execPath, [VERIFIER, file, "--vkey", vkey]);
      return status;
    };
    writeFileSync(file, bundle);
    assert.equal(verify(), 0);
    for (const place of [
      "first release",
      '"population":{"changes":2',
      "RunRequested",
      "DELETE FROM x",
    ]) {
      const at = bundle.indexOf(place);
      assert.ok(at > 0, place);
      const changed = Uint8Array.from(bundle);
      changed[at + 2]! ^= 1;
      writeFileSync(file, changed);
      assert.equal(verify(), 10, place);
    }
    writeFileSync(file, bundle.subarray(0, bundle.length / 2));
    assert.notEqual(verify(), 0);
    assert.ok(readFileSync(file).length > 0);
  });
});

/** A key, and the pseudonym of its holder. */
async function author(service: TestService): Promise<{ token: string; actorId: string }> {
  const issued = await service.post("/v1/keys", { name: "the erased", roles: ["operator"] });
  const query = "/v1/audit/events?type=KeyIssued&order=desc&limit=1";
  const { body } = await service.get(query);
  return { token: issued.body["token"], actorId: body["items"][0].data.actorId };
}

async function bytesOf(service: TestService, path: string): Promise<Buffer> {
  const answer = await fetch(service.url + path, {
    headers: { authorization: `Bearer ${service.token}` },
  });
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}

interface Entry {
  readonly index: number;
  readonly type: string;
}

/** The entries of the log as anybody can read them. */
async function allEntries(service: TestService, size: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let tile = 0; tile * 256 < size; tile += 1) {
    const width = Math.min(256, size - tile * 256);
    const name = String(tile).padStart(3, "0") + (width === 256 ? "" : `.p/${width}`);
    const bytes = await bytesOf(service, `/v1/ledger/tile/entries/${name}`);
    for (let at = 0; at < bytes.length;) {
      const end = at + 2 + bytes.readUInt16BE(at);
      entries.push(JSON.parse(bytes.toString("utf8", at + 2, end)) as Entry);
      at = end;
    }
  }
  return entries;
}
