import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT, textOf } from "../support/repository.ts";
import { TestService } from "../support/service.ts";

const RULES = "ops/prometheus/schemaledger-alerts.yml";
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

describe("metrics", () => {
  let service: TestService;
  let text: string;

  before(async () => {
    service = await TestService.start();
    await service.register("shop");
    const migrations = [
      { version: "1", name: "a", up: "CREATE TABLE a (id INTEGER PRIMARY KEY)" },
      { version: "2", name: "b", up: "CREATE TABLE a (id INTEGER PRIMARY KEY)" },
    ];
    await service.post("/v1/databases/shop/migrations", { migrations });
    for (const to of ["1", "2"]) {
      const { body } = await service.post("/v1/databases/shop/runs", { to });
      await service.get(`/v1/runs/${body["id"]}?wait=20`);
    }
    await service.get("/v1/databases", { token: "sl_wrong" });
    const reply = await service.get("/metrics");
    assert.equal(reply.status, 200);
    assert.match(reply.headers.get("content-type") ?? "", /^text\/plain; version=/);
    ({ text } = reply);
  });
  after(() => service.stop());

  /** The value of a sample. */
  const value = (sample: string): number => {
    const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
    assert.ok(line !== undefined, `${sample} is missing`);
    return Number(line.slice(sample.length + 1));
  };

  it("count runs, steps, failures and refusals", () => {
    const runs = 'schemaledger_runs_total{database="shop",kind="migrate",status=';
    assert.equal(value(`${runs}"succeeded"}`), 1);
    assert.equal(value(`${runs}"failed"}`), 1);
    const steps = 'schemaledger_steps_total{database="shop",direction="up",status="applied"}';
    assert.equal(value(steps), 1);
    const failures = 'schemaledger_failures_total{database="shop",code="statement-failed"}';
    assert.equal(value(failures), 1);
    assert.equal(value('schemaledger_access_refused_total{code="token-unknown"}'), 1);
  });

  it("show what every database is like", async () => {
    assert.equal(value('schemaledger_migrations_pending{database="shop"}'), 1);
    assert.equal(value('schemaledger_database_drift{database="shop"}'), 0);
    assert.equal(value('schemaledger_intents_open{database="shop"}'), 0);
    assert.ok(value('schemaledger_backup_age_seconds{database="shop"}') < 60);
    assert.ok(value('schemaledger_backup_verified_age_seconds{database="shop"}') < 60);
    assert.ok(value('schemaledger_backup_bytes{database="shop"}') > 0);
    assert.ok(value("schemaledger_ledger_events") <= (await service.size()));
    assert.ok(value("schemaledger_checkpoint_lag_events") >= 0);
    const age = value("schemaledger_checkpoint_age_seconds");
    assert.ok(age >= 0 && age < 60, String(age));
    assert.equal(value("schemaledger_anchors_behind_seconds"), 0);
  });

  it("need a token, of a key that sees everything", async () => {
    assert.equal((await service.get("/metrics", { token: null })).status, 401);
    const limited = { name: "limited", roles: ["auditor"], databases: ["shop"] };
    const token = (await service.post("/v1/keys", limited)).body["token"];
    assert.equal((await service.get("/metrics", { token })).body["code"], "key-limited");
  });

  it("have every name that the shipped rules and dashboard ask for", () => {
    const families = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    const asked = `${textOf(RULES)} ${textOf("ops/grafana/schemaledger.json")}`.matchAll(
      /\bschemaledger_[a-z0-9_]+/g,
    );
    const names = new Set([...asked].map(([name]) => name.replace(/_(?:bucket|count|sum)$/, "")));
    assert.ok(names.size > 20);
    assert.deepEqual(
      [...names].filter((name) => !families.has(name)),
      [],
    );
  });

  it("are all described in the guide, and shown or alerted on", () => {
    const guide = textOf("docs/guides/monitoring.md");
    const shown = `${textOf(RULES)} ${textOf("ops/grafana/schemaledger.json")}`;
    const own = [...text.matchAll(/^# TYPE schemaledger_(\S+)/gm)]
      .map(([, name]) => name!)
      .filter((name) => !/^(?:nodejs|process)_/.test(name));
    assert.ok(own.length > 40, String(own.length));
    assert.deepEqual(
      own.filter((name) => !guide.includes(`\`${name}\``)),
      [],
    );
    assert.deepEqual(
      own.filter((name) => !shown.includes(`schemaledger_${name}`)),
      [],
    );
  });

  it("say what is well, what waits, and what was limited", async () => {
    assert.equal(value('schemaledger_health{check="ledger"}'), 0);
    assert.equal(value('schemaledger_jobs_waiting{database="shop"}'), 0);
    assert.equal(value('schemaledger_approvals_oldest_seconds{database="shop"}'), 0);
    assert.equal(
      value('schemaledger_alerts_raised_total{code="run-failed",severity="warning"}'),
      1,
    );
    assert.equal(value("schemaledger_reader_behind_events"), 0);
  });

  it("are accepted by promtool, and so are the rules", function () {
    if (!hasPromtool) this.skip();
    const metrics = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    assert.equal(metrics.status, 0, metrics.stdout + metrics.stderr);
    const rules = spawnSync("promtool", ["check", "rules", join(ROOT, RULES)], {
      encoding: "utf8",
    });
    assert.equal(rules.status, 0, rules.stdout + rules.stderr);
  });
});
