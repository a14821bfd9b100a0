import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { TestService, type Reply } from "../support/service.ts";

const CREATE = { version: "1", name: "a", up: "CREATE TABLE a (id INTEGER PRIMARY KEY, v)" };
const SECOND = { version: "2", name: "b", up: "CREATE TABLE b (id INTEGER PRIMARY KEY)" };
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe("restores that need consent", () => {
  let service: TestService;
  let ann: string;
  let bob: string;
  let operator: string;

  before(async () => {
    service = await TestService.start();
    operator = await service.tokenFor("operator");
    ann = await issue("ann", { roles: ["approver"] });
    bob = await issue("bob", { roles: ["approver"] });
  });
  after(async () => {
    assert.equal((await service.post("/v1/ledger/rebuild")).body["identical"], true);
    await service.stop();
  });

  const issue = async (name: string, more: object): Promise<string> =>
    (await service.post("/v1/keys", { name, ...more })).body["token"];
  const policy = (name: string, body: object): Promise<Reply> =>
    service.ask("PATCH", `/v1/databases/${name}/policy`, { body });
  const file = (name: string): string => join(service.databases, `${name}.db`);

  function sql<T>(name: string, text: string): T {
    const db = new Database(file(name));
    try {
      return (text.startsWith("SELECT") ? db.prepare(text).pluck().all() : db.exec(text)) as T;
    } finally {
      db.close();
    }
  }

  /** A database with a verified backup of one row, a second row since, and a policy. */
  async function database(name: string, demands: object): Promise<string> {
    await service.register(name);
    await service.post(`/v1/databases/${name}/migrations`, { migrations: [CREATE] });
    await run(name);
    sql(name, "INSERT INTO a VALUES (1, 'kept')");
    const { body } = await service.post(`/v1/databases/${name}/backups`);
    for (let status = ""; status !== "verified";)
      status = (await service.get(`/v1/backups/${body["id"]}`)).body["status"];
    sql(name, "INSERT INTO a VALUES (2, 'since')");
    assert.equal((await policy(name, demands)).status, 200);
    return body["id"];
  }

  async function run(name: string, body: object = {}): Promise<Reply["body"]> {
    const asked = await service.post(`/v1/databases/${name}/runs`, body, { token: operator });
    return (await service.get(`/v1/runs/${asked.body["id"]}?wait=20`)).body;
  }

  const ask = (name: string, body: object, token = operator): Promise<Reply> =>
    service.post(`/v1/databases/${name}/restores`, { reason: "test", ...body }, { token });
  const decide = (
    restore: { id: string; planDigest: string },
    token: string,
    decision = "approve",
    more: object = {},
  ): Promise<Reply> =>
    service.post(
      `/v1/restores/${restore.id}/approvals`,
      { decision, planDigest: restore.planDigest, ...more },
      { token },
    );
  const show = async (id: string) => (await service.get(`/v1/restores/${id}`)).body;
  const ended = async (id: string) => (await service.get(`/v1/restores/${id}?wait=20`)).body;
  const cancel = (id: string) => service.post(`/v1/restores/${id}/cancel`, { reason: "done" });
  const rows = (name: string): string[] => sql<string[]>(name, "SELECT v FROM a ORDER BY id");
  const eventsOf = async (name: string, type: string) =>
    (await service.get(`/v1/audit/events?database=${name}&type=${type}`)).body["items"];

  it("waits until others than its requester agreed to exactly this backup, and is its requester's doing", async () => {
    const backupId = await database("two", { approvals: 1, approvalsIfDestructive: 2 });
    const { status, body: restore } = await ask("two", { backupId });
    assert.equal(status, 202);
    assert.equal(restore["status"], "awaiting-approval");
    assert.equal(restore["approvalsNeeded"], 2);
    assert.match(restore["planDigest"], /^sha256:[0-9a-f]{64}$/);
    const { body: list } = await service.get("/v1/databases/two/restores?status=awaiting-approval");
    assert.equal(list["items"][0].id, restore["id"]);
    const first = await decide(restore, ann, "approve", { comment: "The right one" });
    assert.equal(first.status, 200, first.text);
    assert.equal(first.body["status"], "awaiting-approval");
    assert.equal(first.body["approvals"][0].comment, "The right one");
    assert.deepEqual(rows("two"), ["kept", "since"]);
    assert.equal((await decide(restore, bob)).status, 200);
    const done = await ended(restore["id"]);
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
    assert.deepEqual(rows("two"), ["kept"]);
    const [began] = await eventsOf("two", "RestoreStarted");
    assert.equal(began.actor.name, "the operator");
    const approved = await eventsOf("two", "RestoreApproved");
    assert.equal(approved.length, 2);
    assert.match(approved[0].data.meaning, /exactly this backup/);
    const late = await decide(restore, ann);
    assert.deepEqual([late.status, late.body["code"]], [409, "restore-ended"]);
  });

  it("refuses its requester, a second key of one person, other roles and other digests, on record", async () => {
    const backupId = await database("own", { approvals: 2 });
    const key = (name: string, roles: string[]) => issue(name, { roles, owner: "Carol Jones" });
    const one = await key("carol 1", ["operator", "approver"]);
    const two = await key("carol 2", ["approver"]);
    const { body: restore } = await ask("own", { backupId }, one);
    assert.equal(restore["requestedBy"].name, "carol 1", "not as the key issued last");
    for (const token of [one, two])
      assert.equal((await decide(restore, token)).body["code"], "self-approval");
    assert.equal((await decide(restore, operator)).body["code"], "forbidden");
    const other = { ...restore, planDigest: `sha256:${"0".repeat(64)}` };
    assert.equal((await decide(other, ann)).body["code"], "plan-changed");
    assert.equal((await decide(restore, ann)).status, 200);
    assert.equal((await decide(restore, ann)).body["code"], "approval-given");
    const tried = await eventsOf("own", "ApprovalRefused");
    assert.deepEqual(
      tried.map(({ data }: { data: { code: string } }) => data.code),
      ["self-approval", "plan-changed", "approval-given"],
    );
    assert.ok(tried.every((one: { data: object }) => "restoreId" in one.data));
    assert.equal((await decide(restore, bob, "withdraw")).body["code"], "approval-missing");
    const back = await decide(restore, ann, "withdraw");
    assert.equal(back.body["approvals"][0].ended.how, "withdrawn");
    const no = await decide(restore, bob, "reject", { comment: "Too much would go" });
    assert.equal(no.body["status"], "rejected");
    assert.equal(no.body["error"].message, "Too much would go");
    assert.deepEqual(rows("own"), ["kept", "since"]);
    assert.equal((await cancel(restore["id"])).body["code"], "restore-ended");
    assert.equal((await run("own", { emergency: true, reason: "x" }))["status"], "succeeded");
  });

  it("is void once the database is another: before the approvals, and after", async () => {
    const backupId = await database("void", { approvals: 1 });
    const { body: early } = await ask("void", { backupId });
    const { body: late } = await ask("void", { backupId, notBefore: inMs(1200) });
    assert.equal((await decide(late, ann)).body["status"], "scheduled");
    await service.post("/v1/databases/void/migrations", { migrations: [SECOND] });
    await run("void", { emergency: true, reason: "now" });
    const refused = await decide(early, ann);
    assert.equal(refused.body["code"], "plan-changed");
    assert.notEqual(
      refused.body["details"]?.present ?? refused.body["present"],
      early["planDigest"],
    );
    const done = await ended(late["id"]);
    assert.deepEqual([done["status"], done["error"].code], ["failed", "plan-outdated"]);
    assert.deepEqual(rows("void"), ["kept", "since"]);
    await cancel(early["id"]);
    assert.equal((await show(early["id"]))["status"], "cancelled");
  });

  it("is void once the schema was changed past the ledger", async () => {
    const backupId = await database("drifted", { approvals: 1 });
    const { body: restore } = await ask("drifted", { backupId });
    sql("drifted", "CREATE TABLE stranger (x)");
    assert.equal((await decide(restore, ann)).status, 200);
    const done = await ended(restore["id"]);
    assert.deepEqual([done["status"], done["error"].code], ["failed", "plan-outdated"]);
    assert.deepEqual(rows("drifted"), ["kept", "since"]);
    // Looked at, the drift is part of what is approved: its reversal waits as any restore.
    assert.equal((await service.post("/v1/databases/drifted/drift/checks")).status, 200);
    const reverted = await service.post(
      "/v1/databases/drifted/drift/reversals",
      { reason: "Nobody asked for it" },
      { token: operator },
    );
    assert.equal(reverted.body["status"], "awaiting-approval");
    // It waits, and keeps nobody from looking; nothing is resolved before it is done.
    assert.equal((await service.post("/v1/databases/drifted/drift/checks")).status, 200);
    assert.deepEqual(await eventsOf("drifted", "DriftResolved"), []);
    assert.equal((await decide(reverted.body, ann)).status, 200);
    const back = await ended(reverted.body["id"]);
    assert.equal(back["status"], "succeeded", JSON.stringify(back["error"]));
    assert.deepEqual(sql("drifted", "SELECT name FROM sqlite_schema WHERE name = 'stranger'"), []);
    assert.equal((await service.get("/v1/databases/drifted")).body["drift"], null);
    const [resolved, ...more] = await eventsOf("drifted", "DriftResolved");
    const { decision, restoreId } = resolved.data;
    assert.deepEqual([decision, restoreId, more], ["reverted", back["id"], []]);
    const [completed] = await eventsOf("drifted", "RestoreCompleted");
    assert.equal(resolved.index, completed.index + 1);
  });

  it("leaves a drift open whose reversal is given up, and reverts none that was decided on otherwise", async () => {
    await database("open", { approvals: 1 });
    sql("open", "CREATE TABLE stranger (x)");
    const drift = (await service.post("/v1/databases/open/drift/checks")).body;
    const revert = (body: object = {}) =>
      service.post("/v1/databases/open/drift/reversals", { reason: "x", ...body });
    const { body: rejected } = await revert();
    await decide(rejected, ann, "reject", { comment: "It is meant" });
    const { body: cancelled } = await revert();
    await cancel(cancelled["id"]);
    assert.deepEqual(await eventsOf("open", "DriftResolved"), []);
    assert.notEqual((await service.get("/v1/databases/open")).body["drift"], null);
    // Nobody needs to agree to this one; it only waits for its time.
    const { body: late } = await revert({ emergency: true, reason: "x" });
    assert.equal((await ended(late["id"]))["status"], "succeeded");
    sql("open", "CREATE TABLE stranger (x)");
    await service.post("/v1/databases/open/drift/checks");
    await policy("open", { approvals: 0, emergency: true, reason: "alone" });
    const { body: planned } = await revert({ notBefore: inMs(1500) });
    assert.equal(planned["status"], "scheduled");
    const adopted = await service.post("/v1/databases/open/drift/adoptions", {
      found: drift["found"],
      reason: "It is meant",
    });
    assert.equal(adopted.status, 200, adopted.text);
    const done = await ended(planned["id"]);
    assert.deepEqual([done["status"], done["error"].code], ["failed", "plan-outdated"]);
    assert.deepEqual(sql("open", "SELECT name FROM sqlite_schema WHERE name = 'stranger'"), [
      "stranger",
    ]);
    assert.deepEqual(
      (await eventsOf("open", "DriftResolved")).map(
        (one: { data: { decision: string } }) => one.data.decision,
      ),
      ["reverted", "adopted"],
    );
  });

  it("keeps nobody from checks, backups and reads while it waits, nor do runs that wait", async () => {
    const backupId = await database("idle", { approvals: 1 });
    const { body: restore } = await ask("idle", { backupId });
    await service.post("/v1/databases/idle/migrations", { migrations: [SECOND] });
    const waiting = await service.post("/v1/databases/idle/runs", {}, { token: operator });
    assert.equal(waiting.body["status"], "awaiting-approval");
    const checked = await service.post("/v1/databases/idle/drift/checks");
    assert.deepEqual([checked.status, checked.body["drift"]], [200, false]);
    const check = await service.post("/v1/databases/idle/integrity-checks", { level: "quick" });
    const settled = async (path: string, end: string): Promise<void> => {
      for (let status = ""; status !== end;) {
        status = (await service.get(path)).body["status"];
        assert.ok(["running", "completed", end].includes(status), status);
      }
    };
    await settled(`/v1/integrity-checks/${check.body["id"]}`, "passed");
    const backup = await service.post("/v1/databases/idle/backups");
    await settled(`/v1/backups/${backup.body["id"]}`, "verified");
    assert.equal(
      (await service.get("/v1/databases/idle/schema/diff?from=ledger&to=live")).status,
      200,
    );
    const { text: metrics } = await service.get("/metrics");
    assert.match(metrics, /approvals_oldest_seconds\{database="idle"\} \S*[1-9]/);
    await cancel(restore["id"]);
  });

  /** What lies in the store under its name is other than what was verified. */
  function damage(backupId: string): void {
    const place = join(service.data, "backups", "manifests");
    const manifest = join(
      place,
      readdirSync(place).find((name) => name.startsWith(backupId))!,
    );
    const handle = openSync(manifest, "r+");
    writeSync(handle, Buffer.alloc(64, 0x20), 0, 64, Math.floor(statSync(manifest).size / 2));
    closeSync(handle);
  }

  it("rolls back by no other backup than the one people agreed to", async () => {
    await database("undone", { approvals: 1 });
    await service.post("/v1/databases/undone/migrations", { migrations: [SECOND] });
    assert.equal((await run("undone", { emergency: true, reason: "x" }))["status"], "succeeded");
    const order = { to: "1", strategy: "restore", reason: "x" };
    const { body: asked } = await service.post("/v1/databases/undone/rollbacks", order, {
      token: operator,
    });
    assert.equal(asked["status"], "awaiting-approval");
    // An older one with the same versions is there still.
    damage(asked["restores"]);
    await service.post(`/v1/backups/${asked["restores"]}/verifications`);
    for (let status = "verified"; status !== "damaged";)
      status = (await service.get(`/v1/backups/${asked["restores"]}`)).body["status"];
    const decision = { decision: "approve", planDigest: asked["planDigest"] };
    const token = ann;
    await service.post(`/v1/runs/${asked["id"]}/approvals`, decision, { token });
    const { body: done } = await service.get(`/v1/runs/${asked["id"]}?wait=20`);
    assert.deepEqual([done["status"], done["error"].code], ["failed", "plan-outdated"]);
    assert.deepEqual(rows("undone"), ["kept", "since"]);
  });

  it("cannot bring back a backup that is none any more", async () => {
    const backupId = await database("swapped", { approvals: 1 });
    const { body: restore } = await ask("swapped", { backupId });
    damage(backupId);
    assert.equal((await decide(restore, ann)).status, 200);
    const done = await ended(restore["id"]);
    assert.equal(done["status"], "failed");
    assert.match(done["error"].code, /^backup-/);
    assert.deepEqual(rows("swapped"), ["kept", "since"]);
    const { body: again } = await ask("swapped", { backupId });
    assert.equal(again["code"], "backup-not-restorable");
  });

  it("holds single tables to the same, and lets new files be written without", async () => {
    const freeze = { from: inMs(-1000), to: inMs(3_600_000), reason: "audit" };
    const backupId = await database("tables", { approvals: 1, freezes: [freeze] });
    const target = join(service.databases, "copy.db");
    const copied = await ended((await ask("tables", { backupId, target })).body["id"]);
    assert.deepEqual([copied["status"], copied["exempt"]], ["succeeded", "new-file"]);
    const body = { backupId, tables: ["a"], onConflict: "replace" };
    const { body: restore } = await ask("tables", body);
    assert.equal(restore["status"], "awaiting-approval");
    assert.equal((await decide(restore, ann)).body["status"], "scheduled");
    await cancel(restore["id"]);
    const odd = await ask("tables", { backupId, target: `${target}2`, emergency: true });
    assert.equal(odd.body["code"], "restore-contradiction");
    const { body: excepted } = await ask("tables", { ...body, exception: true });
    assert.equal(excepted["approvalsNeeded"], 2);
    await decide(excepted, ann);
    assert.equal((await show(excepted["id"]))["status"], "awaiting-approval");
    await decide(excepted, bob);
    const done = await ended(excepted["id"]);
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
    assert.deepEqual(rows("tables"), ["kept"]);
  });

  it("obeys a freeze that begins between the approval and the beginning, and one that ends", async () => {
    const backupId = await database("frozen", { approvals: 1 });
    const { body: restore } = await ask("frozen", { backupId, notBefore: inMs(700) });
    assert.equal((await decide(restore, ann)).body["scheduledFor"].cause, "not-before");
    const to = inMs(2500);
    await policy("frozen", { freezes: [{ from: inMs(-1000), to, reason: "audit" }] });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const waiting = await show(restore["id"]);
    assert.deepEqual(waiting["scheduledFor"], { at: to, cause: "freeze" });
    assert.deepEqual(rows("frozen"), ["kept", "since"]);
    const done = await ended(restore["id"]);
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
    const [began] = await eventsOf("frozen", "RestoreStarted");
    assert.ok(began.time >= to);
  });

  it("needs what a policy that changed meanwhile needs", async () => {
    const backupId = await database("raised", { approvals: 1 });
    const { body: restore } = await ask("raised", { backupId, notBefore: inMs(3_600_000) });
    assert.equal((await decide(restore, ann)).body["status"], "scheduled");
    await policy("raised", { approvals: 2 });
    assert.equal((await show(restore["id"]))["status"], "awaiting-approval");
    const given = await service.ask("POST", `/v1/restores/${restore["id"]}/cancel`, {
      headers: { "idempotency-key": "give-up-1" },
      body: { reason: "done" },
    });
    assert.deepEqual([given.status, given.body["status"]], [202, "cancelled"]);
  });

  it("begins at once in an emergency, which is told, reported and reviewed by others", async () => {
    const freeze = { from: inMs(-1000), to: inMs(3_600_000), reason: "audit" };
    const backupId = await database("urgent", { approvals: 2, freezes: [freeze] });
    const { body: restore } = await ask("urgent", { backupId, emergency: true });
    const done = await ended(restore["id"]);
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
    assert.ok(done["reviewBy"] > done["requestedAt"]);
    const url = `/v1/restores/${restore["id"]}/reviews`;
    const verdict = { verdict: "accepted", comment: "There was no other way" };
    const own = await service.post(url, verdict, { token: service.token });
    assert.equal(own.status, 200, "an administrator who did not ask for it may");
    assert.equal(own.body["review"].verdict, "accepted");
    assert.equal((await service.post(url, verdict)).body["code"], "reviewed-already");
    const later = { emergency: true, notBefore: inMs(1000) };
    assert.equal(
      (await ask("urgent", { backupId, ...later })).body["code"],
      "emergency-not-before",
    );
  });

  it("waits on over a restart, and what was approved before it is carried out after it", async () => {
    const backupId = await database("restarted", { approvals: 1 });
    const { body: waiting } = await ask("restarted", { backupId });
    const { body: approved } = await ask("restarted", { backupId, notBefore: inMs(800) });
    await decide(approved, ann);
    await service.restart();
    assert.equal((await show(waiting["id"]))["status"], "awaiting-approval");
    const done = await ended(approved["id"]);
    assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
    assert.deepEqual(rows("restarted"), ["kept"]);
    // Another restore since: what the waiting one would replace is not what it would have replaced.
    assert.equal((await decide(waiting, bob)).body["code"], "plan-changed");
    await cancel(waiting["id"]);
  });

  it("ends once when many decide at the same moment", async () => {
    const backupId = await database("many", { approvals: 1 });
    const tokens = await Promise.all(
      Array.from({ length: 4 }, (_, n) => issue(`many ${n}`, { roles: ["approver"] })),
    );
    for (const last of ["reject", "cancel"]) {
      const { body: restore } = await ask("many", { backupId });
      const replies = await Promise.all([
        ...tokens.slice(1).map((token) => decide(restore, token)),
        last === "reject" ? decide(restore, tokens[0]!, "reject") : cancel(restore["id"]),
      ]);
      assert.ok(
        replies.every(({ status }) => [200, 202, 409].includes(status)),
        replies.map(({ text }) => text).join(),
      );
      const done = await ended(restore["id"]);
      const { body } = await service.get(`/v1/restores/${restore["id"]}/events`);
      const ends = body["items"].filter(({ type }: { type: string }) =>
        ["RestoreCompleted", "RestoreFailed", "RestoreRejected"].includes(type),
      );
      assert.equal(ends.length, 1, done["status"]);
      assert.deepEqual(rows("many"), done["status"] === "succeeded" ? ["kept"] : ["kept", "since"]);
      if (done["status"] === "succeeded") sql("many", "INSERT INTO a VALUES (2, 'since')");
    }
  });

  it("answers a repeated decision under its key as the first time, and decides once", async () => {
    const backupId = await database("keyed", { approvals: 2 });
    const { body: restore } = await ask("keyed", { backupId });
    const send = () =>
      service.ask("POST", `/v1/restores/${restore["id"]}/approvals`, {
        token: ann,
        headers: { "idempotency-key": "decision-1" },
        body: { decision: "approve", planDigest: restore["planDigest"] },
      });
    const [first, second] = [await send(), await send()];
    assert.deepEqual([first.status, second.text], [200, first.text]);
    assert.equal((await eventsOf("keyed", "RestoreApproved")).length, 1);
    await cancel(restore["id"]);
  });

  describe("in a recovery", () => {
    const recover = async (name: string, body: object = {}) => {
      const url = `/v1/databases/${name}/recoveries`;
      const asked = await service.post(url, { reason: "test", ...body }, { token: operator });
      assert.equal(asked.status, 202, asked.text);
      return (await service.get(`/v1/recoveries/${asked.body["id"]}?wait=30`)).body;
    };
    /** A run that stopped half-way: its first step stays applied. */
    async function halfway(name: string): Promise<void> {
      await database(name, {});
      const bad = { version: "3", name: "bad", up: "INSERT INTO nothing VALUES (1)" };
      await service.post(`/v1/databases/${name}/migrations`, { migrations: [SECOND, bad] });
      const failed = await run(name, { rehearse: false, onFailure: "stop" });
      assert.equal(failed["outcome"], "kept");
      await policy(name, { approvals: 1 });
    }

    it("are asked for as any other where the database can be read and nothing is broken", async () => {
      await halfway("half");
      for (const body of [{}, { procedure: "corruption" }]) {
        const recovery = await recover("half", body);
        assert.equal(recovery["error"].code, "recovery-awaits-restore");
        assert.equal(recovery["exempt"], null);
        const restore = await show(recovery["restoreId"]);
        assert.equal(restore["status"], "awaiting-approval");
        assert.equal((await decide(restore, service.token)).status, 200);
        const done = await ended(restore["id"]);
        assert.equal(done["status"], "succeeded", JSON.stringify(done["error"]));
        assert.equal((await service.get("/v1/databases/half")).body["version"], "1");
        if ("procedure" in body) break;
        await run("half", { emergency: true, reason: "again", rehearse: false, onFailure: "stop" });
      }
    });

    it("begin at once in an emergency", async () => {
      await halfway("hurry");
      const recovery = await recover("hurry", { emergency: true });
      assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery["error"]));
      const restore = await show(recovery["restoreId"]);
      assert.deepEqual([restore["emergency"], restore["review"]], [true, null]);
    });

    it("ask nobody where the database is proven to be broken, and say so", async () => {
      const freeze = { from: inMs(-1000), to: inMs(3_600_000), reason: "audit" };
      await database("broken", { approvals: 2, freezes: [freeze] });
      const handle = openSync(file("broken"), "r+");
      writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, 0);
      closeSync(handle);
      const chosen = await recover("broken", { procedure: "failed-migration" });
      assert.equal(chosen["error"].code, "recovery-awaits-restore", "whoever chooses is asked");
      await cancel(chosen["restoreId"]);
      const recovery = await recover("broken");
      assert.equal(recovery["status"], "succeeded", JSON.stringify(recovery["error"]));
      assert.equal(recovery["exempt"], "database-broken");
      assert.equal((await show(recovery["restoreId"]))["exempt"], "database-broken");
      const [planned] = await eventsOf("broken", "RestoreRequested").then((all) => all.slice(-1));
      assert.equal(planned.data.exempt, "database-broken");
    });
  });

  it("is no way around by a run: what a failed run brings back was agreed to with it", async () => {
    await database("run", { approvals: 1, onFailure: "restore" });
    const bad = { version: "3", name: "bad", up: "INSERT INTO nothing VALUES (1)" };
    await service.post("/v1/databases/run/migrations", { migrations: [SECOND, bad] });
    const asked = await service.post(
      "/v1/databases/run/runs",
      { rehearse: false },
      { token: operator },
    );
    const { id, planDigest } = asked.body;
    await service.post(
      `/v1/runs/${id}/approvals`,
      { decision: "approve", planDigest },
      { token: ann },
    );
    const done = (await service.get(`/v1/runs/${id}?wait=20`)).body;
    assert.equal(done["outcome"], "restored", JSON.stringify(done["error"]));
    assert.equal((await show(done["restoreIds"][0]))["exempt"], "part-of-run");
    assert.equal((await decide(await show(done["restoreIds"][0]), ann)).status, 400);
  });
});
