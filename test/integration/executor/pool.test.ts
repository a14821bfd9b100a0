import assert from "node:assert/strict";
import type { ExecutorSession } from "../../../src/domain/engine/executor.ts";
import { ProcessExecutor } from "../../../src/infra/executor/process-executor.ts";
import {
  FAKE_ENGINE,
  isAlive,
  perform,
  quietHost,
  targetOf,
  until,
} from "../../support/executor.ts";

const target = targetOf("/databases/shop.db");

describe("the pool of executor processes", () => {
  let executor: ProcessExecutor;

  function withSpare(spare: number): ProcessExecutor {
    executor = new ProcessExecutor({ spare, engineModule: FAKE_ENGINE });
    return executor;
  }

  const pids = () => executor.children().map(({ pid }) => pid);
  const states = () =>
    executor
      .children()
      .map(({ state }) => state)
      .toSorted();

  afterEach(async () => {
    await executor.close();
    assert.deepEqual(executor.children(), [], "a process is left");
  });

  it("starts nothing before its first use", () => {
    withSpare(2);
    assert.deepEqual(executor.children(), []);
  });

  it("has its spare children loaded after warming, once", async () => {
    await withSpare(2).warm();
    await executor.warm();
    assert.deepEqual(states(), ["idle", "idle"]);
  });

  it("gives a loaded child away and replaces it", async () => {
    await withSpare(1).warm();
    const [warm] = pids();
    const session = await executor.open(target, quietHost);
    assert.deepEqual(
      executor.children().filter(({ pid }) => pid === warm),
      [{ pid: warm, state: "working" }],
    );
    await until(() => states().join() === "idle,working");
    await session.close();
    assert.deepEqual(states(), ["idle"]);
    assert.equal(isAlive(warm!), false);
  });

  it("lets a process serve again that executed nothing but our own statements", async () => {
    await withSpare(1).warm();
    const [warm] = pids();
    for (let n = 0; n < 3; n++) {
      const session = await executor.open(target, quietHost);
      assert.deepEqual(executor.children(), [{ pid: warm, state: "working" }]);
      await session.engine.schema();
      await session.close();
      assert.deepEqual(executor.children(), [{ pid: warm, state: "idle" }]);
      await assert.rejects(session.engine.schema(), { code: "executor-closed" });
    }
  });

  it("ends a process that executed a step, in which something failed, or that works", async () => {
    await withSpare(1).warm();
    const ends: ((session: ExecutorSession) => unknown)[] = [
      (session) => perform(session, "echo"),
      (session) => assert.rejects(perform(session, "conflict")),
      (session) => void session.engine.schema().catch(() => {}),
      (session) => session.kill("test"),
    ];
    for (const use of ends) {
      const session = await executor.open(target, quietHost);
      const { pid } = executor.children().find(({ state }) => state === "working")!;
      await use(session);
      await session.close();
      assert.equal(isAlive(pid), false);
    }
  });

  it("ends a process when enough others wait", async () => {
    await withSpare(1).warm();
    const [first, second] = [
      await executor.open(target, quietHost),
      await executor.open(target, quietHost),
    ];
    await Promise.all([first.close(), second.close()]);
    assert.equal(states().length, 1);
  });

  it("serves each session in a process of its own, fifty in a row", async function () {
    this.timeout(20_000);
    withSpare(2);
    const seen = new Set<number>();
    for (let n = 0; n < 50; n++) {
      const session = await executor.open(target, quietHost);
      const { pid } = executor.children().find(({ state }) => state === "working")!;
      assert.equal(await perform(session, `echo ${n}`), `echo ${n}`);
      assert(!seen.has(pid));
      seen.add(pid);
      assert(executor.children().length <= 4, "more children than are of use");
      await session.close();
    }
    assert.equal(seen.size, 50);
    await executor.close();
    assert.deepEqual([...seen].filter(isAlive), []);
  });

  it("serves twenty sessions at the same time", async function () {
    this.timeout(20_000);
    withSpare(2);
    const sessions = await Promise.all(
      Array.from({ length: 20 }, () => executor.open(target, quietHost)),
    );
    const answers = await Promise.all(sessions.map((one, n) => perform(one, `echo ${n}`)));
    assert.deepEqual(
      answers,
      sessions.map((_, n) => `echo ${n}`),
    );
    assert.equal(states().filter((state) => state === "working").length, 20);
    const all = pids();
    await Promise.all(sessions.map((session) => session.close()));
    await executor.close();
    assert.deepEqual(all.filter(isAlive), []);
  });

  it("passes over a waiting child that died", async () => {
    await withSpare(1).warm();
    process.kill(pids()[0]!, "SIGKILL");
    await until(() => executor.children().length === 0);
    assert.deepEqual([...executor.deaths()], [["executor-died", 1]]);
    const session = await executor.open(target, quietHost);
    assert.equal(await perform(session, "echo"), "echo");
    await session.close();
    await executor.close();
    assert.deepEqual([...executor.deaths()], [["executor-died", 1]], "an ordered end counts");
  });

  it("ends children that are still starting when it closes", async () => {
    withSpare(2);
    const warming = assert.rejects(executor.warm());
    const starting = pids();
    assert.equal(starting.length, 2);
    await executor.close();
    await warming;
    assert.deepEqual(starting.filter(isAlive), []);
  });
});
