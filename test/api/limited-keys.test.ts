import assert from "node:assert/strict";
import { join } from "node:path";
import type { Route } from "../../src/api/route.ts";
import { routesOf } from "../../src/api/routes/routes.ts";
import type { Services } from "../../src/api/services.ts";
import type { Views } from "../../src/api/views/views.ts";
import { TestService } from "../support/service.ts";

const routes = routesOf({} as Services, {} as Views).filter(({ access }) => access !== "public");
const MIGRATIONS = [
  { version: "1", name: "t", up: "CREATE TABLE secret_of_theirs (id INTEGER PRIMARY KEY)" },
];

describe("keys limited to some databases", () => {
  let service: TestService;
  let token: string;
  /** What belongs to the other database. */
  const foreign: Record<string, string> = { database: "theirs", version: "1", tile: "0/000" };

  before(async function () {
    this.timeout(60_000);
    service = await TestService.start();
    for (const name of ["ours", "theirs"]) {
      await service.register(name);
      await service.post(`/v1/databases/${name}/migrations`, { migrations: MIGRATIONS });
    }
    const made = await service.post("/v1/keys", {
      name: "ours only",
      roles: ["operator", "approver", "auditor"],
      databases: ["ours"],
    });
    assert.equal(made.status, 201, made.text);
    token = made.body["token"];
    const { body: run } = await service.post("/v1/databases/theirs/runs", {});
    await service.get(`/v1/runs/${run["id"]}?wait=20`);
    const { body: backups } = await service.get("/v1/databases/theirs/backups");
    const { body: checks } = await service.get("/v1/databases/theirs/integrity-checks");
    const { body: restore } = await service.post("/v1/databases/theirs/restores", {
      backupId: backups["items"][0].id,
      reason: "test",
    });
    await service.ask("PATCH", "/v1/databases/theirs/policy", {
      body: { retention: { keepLast: 9 } },
    });
    await service.ask("PATCH", "/v1/databases/theirs/policy", { body: { approvals: 1 } });
    const change = await service.ask("PATCH", "/v1/databases/theirs/policy", {
      body: { approvals: 0 },
    });
    const begin = async (place: string) =>
      (await service.post(`/v1/databases/theirs/${place}`, { reason: "test" })).body["id"];
    Object.assign(foreign, {
      prune: await begin("prunes"),
      recovery: await begin("recoveries"),
      scrub: await begin("scrubs"),
      drill: await begin("drills"),
      hold: await begin("legal-holds"),
      run: run["id"],
      backup: backups["items"][0].id,
      check: checks["items"][0].id,
      restore: restore["id"],
      policyChange: change.body["id"],
      index: "0",
      key: "none",
    });
    await until(async () => {
      const { body } = await service.get(`/v1/drills/${foreign["drill"]}`);
      return body["endedAt"] !== null;
    });
  });
  after(() => service.stop());

  const pathOf = ({ path }: Route): string =>
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) => foreign[name] ?? "none");

  for (const route of routes) {
    it(`${route.method.toUpperCase()} ${route.path} shows nothing of another database`, async () => {
      const before = await service.facts();
      const reply = await service.ask(route.method.toUpperCase(), pathOf(route), {
        token,
        ...(route.method === "get" ? {} : { body: {} }),
      });
      if (route.reach === undefined)
        assert.ok([403, 404].includes(reply.status), `${reply.status} ${reply.text}`);
      else assert.ok([200, 400].includes(reply.status), `${reply.status} ${reply.text}`);
      assert.ok(!/secret_of_theirs/.test(reply.text), reply.text.slice(0, 300));
      assert.equal(await service.facts(), before);
    });
  }

  for (const route of routes.filter(({ method }) => method === "get"))
    it(`GET ${route.path} is not opened by naming an own database beside it`, async () => {
      const reply = await service.get(`${pathOf(route)}?database=ours`, { token });
      const { database: _name, version: _version, tile: _tile, index: _index, ...ids } = foreign;
      for (const id of ["secret_of_theirs", "theirs.db", ...Object.values(ids)]) {
        if (id === "none" || pathOf(route).includes(id)) continue;
        assert.ok(!reply.text.includes(id), `${id} in ${reply.text.slice(0, 300)}`);
      }
      if (route.path.includes("{"))
        assert.ok([400, 403, 404].includes(reply.status), `${reply.status} ${reply.text}`);
    });

  it("answers for what is not theirs as for what does not exist", async () => {
    const [hidden, missing] = await Promise.all(
      ["theirs", "nowhere"].map((name) => service.get(`/v1/databases/${name}`, { token })),
    );
    const shape = (reply: { body: Record<string, unknown> }, name: string) =>
      JSON.stringify({ ...reply.body, requestId: "", instance: "" }).replaceAll(name, "NAME");
    assert.equal(shape(hidden!, "theirs"), shape(missing!, "nowhere"));
  });

  const ROUTES_OF_ONE = routes.filter(
    ({ path, reach }) => path.includes("{") && reach === undefined,
  );
  for (const route of ROUTES_OF_ONE)
    it(`${route.method.toUpperCase()} ${route.path} answers for theirs as for nothing`, async () => {
      const NOTHING = "01900000-0000-7000-8000-000000000000";
      const name = /\{(\w+)\}/.exec(route.path)![1]!;
      const real = foreign[name] ?? "none";
      const shapeOf = async (id: string): Promise<string> => {
        const path = route.path.replace(`{${name}}`, id);
        const reply = await service.ask(
          route.method.toUpperCase(),
          path.replaceAll(/\{(\w+)\}/g, (_, other: string) => foreign[other] ?? "none"),
          // A body that is no good must not say sooner that there is something.
          { token, ...(route.method === "get" ? {} : { body: {} }) },
        );
        const said = JSON.stringify({ ...reply.body, requestId: "", instance: "" });
        // The index of an event is a digit, which is in much else.
        return `${reply.status} ${id.length === 1 ? said : said.replaceAll(id, "ID")}`;
      };
      assert.equal(await shapeOf(real), await shapeOf(NOTHING));
    });

  it("is listed with the names of its databases, for administrators", async () => {
    const { items } = (await service.get("/v1/keys")).body;
    const limits = items.map(({ databases }: { databases: string[] | null }) => databases);
    assert.deepEqual(limits.filter(Boolean), [["ours"]]);
    assert.equal((await service.get("/v1/keys", { token })).status, 403);
  });

  it("works on its own database, and lists nothing else", async () => {
    const { body: list } = await service.get("/v1/databases", { token });
    assert.deepEqual(
      list["items"].map(({ name }: { name: string }) => name),
      ["ours"],
    );
    const run = await service.post("/v1/databases/ours/runs", {}, { token });
    assert.equal(run.status, 202, run.text);
    const done = await service.get(`/v1/runs/${run.body["id"]}?wait=20`, { token });
    assert.equal(done.body["status"], "succeeded");
    assert.equal((await service.get("/v1/runs", { token })).body["code"], "key-limited");
    const runs = await service.get("/v1/runs?database=ours", { token });
    assert.equal(runs.body["items"].length, 1);
    const events = await service.get(`/v1/audit/events?database=ours&runId=${foreign["run"]}`, {
      token,
    });
    assert.deepEqual(events.body["items"], []);
    const others = await service.get("/v1/audit/events?database=theirs", { token });
    assert.equal(others.status, 404);
  });

  it("cannot bring a backup of another database into its own", async () => {
    const reply = await service.post(
      "/v1/databases/ours/restores",
      { backupId: foreign["backup"], reason: "steal" },
      { token },
    );
    const missing = await service.post(
      "/v1/databases/ours/restores",
      { backupId: "0198f3c2-7d3e-7c4b-9a55-0c5b8a1d2e3f", reason: "guess" },
      { token },
    );
    assert.equal(reply.status, 404, reply.text);
    assert.equal(missing.status, 404, missing.text);
    assert.equal(reply.body["code"], missing.body["code"]);
  });

  it("learns nothing of files by naming them as targets", async () => {
    const { body } = await service.get("/v1/databases/ours/backups", { token });
    const backupId = body["items"][0].id as string;
    const answerFor = async (target: string): Promise<unknown> => {
      const request = { backupId, reason: "look", target };
      const reply = await service.post("/v1/databases/ours/restores", request, { token });
      return { ...reply.body, status: reply.status, requestId: "" };
    };
    const there = await answerFor(join(service.databases, "theirs.db"));
    for (const name of ["nothing.db", "no-folder/x.db", "../outside.db"])
      assert.deepEqual(await answerFor(join(service.databases, name)), there);
    assert.equal((there as { code: string }).code, "key-limited");
    const { body: list } = await service.get("/v1/databases/ours/restores", { token });
    assert.deepEqual(list["items"], []);
  });

  it("refuses limits that cannot be meant", async () => {
    const issue = (body: object) =>
      service.post("/v1/keys", { name: "x", roles: ["auditor"], ...body });
    assert.equal((await issue({ databases: ["none"] })).body["code"], "key-database-unknown");
    assert.equal((await issue({ databases: [] })).status, 400);
    const admin = { roles: ["admin"], databases: ["ours"] };
    assert.equal((await issue(admin)).body["code"], "key-admin-limited");
    const past = { expiresAt: "2020-01-01T00:00:00Z" };
    assert.equal((await issue(past)).body["code"], "key-expired-already");
    assert.equal((await issue({ expiresAt: "soon" })).status, 400);
  });

  it("refuses a key from the moment it expires", async () => {
    const expiresAt = new Date(Date.now() + 1500).toISOString();
    const { body } = await service.post("/v1/keys", {
      name: "short",
      roles: ["auditor"],
      expiresAt,
    });
    assert.equal(body["expiresAt"], expiresAt);
    const short = body["token"] as string;
    assert.equal((await service.get("/v1/databases", { token: short })).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    const { status, body: problem } = await service.get("/v1/databases", { token: short });
    assert.equal(status, 401);
    assert.equal(problem["code"], "token-expired");
  });
});

describe("who asks", () => {
  let service: TestService;
  before(async () => {
    service = await TestService.start();
  });
  after(() => service.stop());

  const eventsOf = async (type: string) =>
    (await service.get(`/v1/audit/events?type=${type}&limit=1000`)).body["items"];

  it("is recorded once a day for each key", async () => {
    const auditor = await service.tokenFor("auditor");
    for (let i = 0; i < 5; i++) await service.get("/v1/databases", { token: auditor });
    const used = await eventsOf("KeyUsed");
    const names = used.map(({ actor }: { actor: { name: string } }) => actor.name);
    assert.deepEqual(names.toSorted(), ["admin", "the auditor"]);
    const { body } = await service.get("/v1/keys");
    for (const { lastUsedAt } of body["items"]) assert.match(lastUsedAt, /^\d{4}-/);
    await service.restart();
    await service.get("/v1/databases");
    assert.equal((await eventsOf("KeyUsed")).length, 2);
  });

  it("is recorded when refused, without letting callers fill the ledger", async () => {
    const operator = await service.tokenFor("operator");
    const tries = Array.from({ length: 40 }, () => [
      service.get("/v1/databases", { token: `sl_${"A".repeat(43)}` }),
      service.get("/v1/databases", { token: null }),
      service.get("/v1/keys", { token: operator }),
    ]);
    await Promise.all(tries.flat());
    const refused = await eventsOf("AccessRefused");
    assert.deepEqual(
      refused
        .map((one: { data: { code: string }; actor: { name: string } }) => [
          one.data.code,
          one.actor.name,
        ])
        .toSorted(),
      [
        ["forbidden", "the operator"],
        ["token-missing", "schemaledger"],
        ["token-unknown", "schemaledger"],
      ],
    );
    const nobody = refused.find((one: { data: { code: string } }) =>
      one.data.code.startsWith("token"),
    );
    assert.equal(nobody.context.authn.method, "none");
    assert.match(nobody.context.source.ip, /127\.0\.0\.1/);
    // What was only counted is written when the service stops.
    await service.restart();
    const counted = (await eventsOf("AccessRefused")).filter(
      (one: { data: { repeated?: number } }) => one.data.repeated !== undefined,
    );
    assert.deepEqual(
      counted.map((one: { data: { repeated: number } }) => one.data.repeated),
      [39, 39, 39],
    );
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}
