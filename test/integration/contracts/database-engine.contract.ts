import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type {
  DatabaseEngine,
  DatabaseTarget,
  StepRequest,
} from "../../../src/domain/engine/database-engine.ts";
import { applyOne, done, failure } from "../../support/step-results.ts";

/** A database of one engine, installed, with the table `t` of two rows. */
export interface EngineUnderTest {
  readonly engine: DatabaseEngine;
  /** An engine of another session, perhaps for another target. */
  another(target?: Partial<DatabaseTarget>): DatabaseEngine;
  request(sql: string, more?: Partial<StepRequest>): Promise<StepRequest>;
  /** One value, as text, read past the engine. */
  value(sql: string): Promise<string>;
  /** Changes the schema past the engine. */
  change(sql: string): Promise<void>;
  /** As findings and facts call the table `t`. */
  readonly t: string;
  close(): Promise<void>;
}

/** SQL that every engine under test understands. */
export const CONTRACT_DDL =
  "CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')";

/** What `DatabaseEngine` promises of schema, steps and recovery, whatever the engine. */
export function databaseEngineContract(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`DatabaseEngine contract: ${name}`, () => {
    let under: EngineUnderTest;
    let token = 100;

    before(async () => {
      under = await open();
    });
    after(() => under.close());

    const request = (sql: string, more: Partial<StepRequest> = {}): Promise<StepRequest> =>
      under.request(sql, { token: (token += 1), ...more });
    const apply = async (sql: string, more: Partial<StepRequest> = {}) =>
      applyOne(under.engine, await request(sql, more));
    const recover = async (attempts: readonly string[], engine = under.another()) => {
      await engine.beginRecovery(10_000);
      return engine.finishRecovery((token += 1), attempts);
    };
    const count = (): Promise<string> => under.value("SELECT count(*) FROM t");

    it("is installed once, and says what it found", async () => {
      const { fingerprint } = await under.engine.schema();
      assert.equal((await under.engine.install(1)).fingerprint, fingerprint);
      const { exists, meta, problem, live } = await under.engine.inspect();
      assert.deepEqual([exists, problem, live?.fingerprint], [true, undefined, fingerprint]);
      assert.equal(meta?.fence, 1);
      assert.match(fingerprint, /^sha256:[0-9a-f]{64}$/);
    });

    it("applies a step with its marker and says what it did", async () => {
      const result = done(
        await apply("CREATE TABLE one (x int); INSERT INTO t VALUES (3, 'c')", { version: "1" }),
      );
      const { fingerprint, applied } = await under.engine.schema();
      assert.equal(result.fingerprintAfter, fingerprint);
      assert.notEqual(result.fingerprintBefore, fingerprint);
      assert.deepEqual(applied, ["1"]);
      assert.equal(result.statements, 2);
      assert.deepEqual(
        result.rows.find(({ table }) => table === under.t),
        { table: under.t, before: 2, after: 3 },
      );
      const [change] = result.schemaChanges;
      assert.deepEqual([change?.change, change?.type], ["added", "table"]);
    });

    it("takes a step back with the marker of its down script", async () => {
      done(await apply("DROP TABLE one", { version: "1", direction: "down" }));
      assert.deepEqual((await under.engine.schema()).applied, []);
    });

    it("leaves nothing of a step that fails, and none of its values in the message", async () => {
      const before = await under.engine.schema();
      const result = failure(
        await apply("CREATE TABLE two (x int); INSERT INTO t VALUES (1, 'geheim')"),
      );
      assert.deepEqual(
        [result.state, result.error.code, result.error.statement],
        ["unchanged", "statement-failed", 2],
      );
      assert.ok(!JSON.stringify(result).includes("geheim"));
      assert.deepEqual(await under.engine.schema(), {
        ...before,
        physical: (await under.engine.schema()).physical,
      });
    });

    it("fails a step that loses rows nobody declared", async () => {
      const lost = failure(await apply("DELETE FROM t WHERE id = 3"));
      assert.deepEqual(
        lost.findings.map(({ code, table }) => [code, table]),
        [["rows-lost", under.t]],
      );
      assert.equal(await count(), "3");
      done(await apply("DELETE FROM t WHERE id = 3", { allow: { rowLoss: ["t"] } }));
      assert.equal(await count(), "2");
    });

    it("fails a step that leaves its transaction, or touches the own tables", async () => {
      for (const sql of ["UPDATE t SET name = 'z'; COMMIT", "DELETE FROM schemaledger_marker"])
        assert.equal(failure(await apply(sql)).state, "unchanged", sql);
      assert.equal(await under.value("SELECT count(*) FROM t WHERE name = 'z'"), "0");
    });

    it("holds a step to its verify script and to the schema it must lead to", async () => {
      const verify = "SELECT count(*) > 2 FROM t";
      assert.equal(
        failure(await apply("UPDATE t SET name = 'q'", { verify })).error.code,
        "verify-failed",
      );
      const expectedAfter = "sha256:other";
      const other = failure(await apply("CREATE TABLE three (x int)", { expectedAfter }));
      assert.equal(other.error.code, "fingerprint-differs");
    });

    it("takes no step on another state than the ledger believes", async () => {
      const code = async (more: Partial<StepRequest>): Promise<string> =>
        failure(await apply("CREATE TABLE no (x int)", more)).error.code;
      assert.equal(await code({ expectedBefore: "sha256:other" }), "drift");
      assert.equal(await code({ appliedBefore: ["9"] }), "markers-differ");
      assert.equal(await code({ token: 2 }), "fenced");
      const step = await request("CREATE TABLE no (x int)");
      for (const [target, wanted] of [
        [{ databaseId: randomUUID() }, "clone-or-foreign"],
        [{ incarnation: randomUUID() }, "wrong-incarnation"],
      ] as const)
        assert.equal(failure(await applyOne(under.another(target), step)).error.code, wanted);
    });

    it("begins no step behind one that was not applied", async () => {
      const first = await request("CREATE TABLE four (x int)");
      const bad = await request("SELECT * FROM nowhere", { follows: first.attempt });
      const last = await request("CREATE TABLE five (x int)", { follows: bad.attempt });
      const behind = { expectedBefore: null, appliedBefore: null };
      const results = await under.engine.applySteps([
        first,
        { ...bad, ...behind },
        { ...last, ...behind },
      ]);
      done(results[0]!);
      assert.equal(failure(results[1]!).error.code, "statement-failed");
      assert.equal(failure(results[2]!).error.code, "step-not-begun");
    });

    it("finds by recovery what became of attempts, and shuts out whoever was before", async () => {
      const applied = await request("CREATE TABLE six (x int)", { version: "6" });
      done(await applyOne(under.engine, applied));
      const never = await request("CREATE TABLE seven (x int)");
      for (let times = 0; times < 2; times += 1) {
        const found = await recover([applied.attempt, never.attempt]);
        assert.deepEqual(found.phases, { [applied.attempt]: "done" });
        assert.equal(
          found.fingerprints[applied.attempt],
          (await under.engine.schema()).fingerprint,
        );
        assert.deepEqual([found.meta.fence, found.probes], [token, {}]);
        assert.ok(found.applied.includes("6"));
      }
      assert.equal(failure(await applyOne(under.another(), never)).error.code, "fenced");
      await assert.rejects(under.another().finishRecovery(token, []), {
        code: "recovery-not-begun",
      });
    });

    it("sees what others did to the schema, and that it is well", async () => {
      const before = await under.engine.schema();
      await under.change("CREATE TABLE drifted (x int)");
      const after = await under.engine.schema();
      assert.notEqual(after.fingerprint, before.fingerprint);
      await under.change("DROP TABLE drifted");
      const check = await under.engine.check("full");
      assert.deepEqual(check.findings, []);
      assert.deepEqual([check.fingerprint, check.applied], [before.fingerprint, before.applied]);
    });
  });
}
